# %% [markdown]
# # 01 Inference
#
# **Why does the same network, with the same picture, give two people two answers?**
#
# Because of everything around the network. In 60 minutes you will be able to
#
# - take a picture to an answer in plain PyTorch, and name shape, dtype and range at every step,
# - read the errors of a wrong shape, dtype or device, and repair them,
# - say what `eval()`, `no_grad()` and the softmax's `dim` really do, because you measured it,
# - run a folder of pictures and trust the accuracy you report.
#
# You need: Python, and what a tensor is. Lesson [00](00_start_here.ipynb) shows how widgets and exercises work.

# %%
import subprocess
import sys

if "google.colab" in sys.modules:  # on Colab: fetch the kit, and leave Colab's own torch as it is
    kit = "course_lib @ git+https://github.com/OWNER/image-classifiers-course"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "torchinfo", kit], check=True)

# %%
import torch

from course_lib.classifier import load_classifier
from course_lib.exercises import guess_and_truth
from course_lib.exercises import lesson01 as ex
from course_lib.figures import show
from course_lib.images import samples

classifier = load_classifier("resnet18")
model, transforms, categories = classifier.model, classifier.transforms, classifier.categories
pictures = {name: sample.open() for name, sample in samples().items()}
picture = pictures["camel"]
show(picture, "A drawn camel in a meadow, at the left of the picture")

# %% [markdown]
# ## 1 From a picture to a tensor
#
# A network takes a tensor of one size, with small numbers of either sign. A picture has any size, and bytes from 0 to
# 255. **Preprocessing** is the way from one to the other, and it has to be the way that was used in training.
#
# Four steps: resize the shorter side to 256, cut out the middle 224 × 224, turn bytes into a tensor from 0 to 1, normalise.
#
# **Predict:** what is the shape after the third step?

# %%
my_guess = ...  # for example (3, 224, 224)

# %%
from torchvision.transforms import functional as F

resized = F.resize(picture, [256], antialias=True)
cropped = F.center_crop(resized, [224, 224])
tensor = F.to_tensor(cropped)
print("picture", picture.size, "→ resized", resized.size, "→ cropped", cropped.size, "(width, height)")
print("tensor ", tuple(tensor.shape), tensor.dtype, f"from {tensor.min():.2f} to {tensor.max():.2f}")
guess_and_truth("shape after the third step", my_guess, tuple(tensor.shape))

# %% [markdown]
# A PIL picture says (width, height); a tensor says (channels, height, width). Mixing these up is the first classic.
#
# The fourth step: subtract the mean of the training pictures and divide by their standard deviation, channel by channel.
# `view(3, 1, 1)` lets three numbers meet a (3, 224, 224) tensor.

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
from course_lib.figures import kept_and_lost, strip
from course_lib.preprocessing import seen_box, stages

for stage in stages(picture, transforms):
    print(f"{stage.name:10} {stage.note}")
strip(stages(picture, transforms))

# %% [markdown]
# **What did the crop throw away?** In grey: what the network never sees. If your object stands at the edge, no network in
# the world will find it.

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
# and AlexNet say the same?

# %%
from torchvision.models import alexnet

single = transforms(picture)  # (3, 224, 224): no batch dimension
for name, network in {"resnet18": model, "alexnet": alexnet().eval()}.items():
    try:
        network(single)
    except (RuntimeError, ValueError) as error:
        print(f"{name}: {type(error).__name__}: {error}")
batch = single.unsqueeze(0)
print("with unsqueeze(0):", tuple(batch.shape), "→", tuple(model(batch).shape))

# %% [markdown]
# **Why do they differ?** PyTorch's convolutions accept a picture without a batch, so both networks start. ResNet's second
# layer is a BatchNorm, and it insists on four dimensions: a clear error, at once. AlexNet has no BatchNorm. Its
# picture travels to the flatten, which takes the 256 channels for a batch of 256, and the first linear layer meets rows of
# 36 numbers where it wants 9216. The error appears far from the mistake.

# %% [markdown]
# Four more inputs that a network refuses. Read each message once now, slowly; you will meet them all again.

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
refused("bytes", (batch * 50).to(torch.uint8))
refused("float64, from numpy", batch.double())

# %% [markdown]
# | message | cause | repair |
# |---|---|---|
# | to have 3 channels, but got 224 | channels last | `.permute(0, 3, 1, 2)` |
# | but got 1 channels, 4 channels | grey, or alpha | `picture.convert("RGB")` |
# | Byte, unsigned char | bytes | `.float() / 255` |
# | Double | numpy's float64 | `.float()` |

# %% [markdown]
# **The device.** A model and its batch have to be in the same place, the CPU or one GPU. `load_classifier(...,
# device="auto")` takes the GPU when there is one. No GPU is needed to see the error: PyTorch's `meta` device, which has
# shapes but no numbers, will do.

# %%
print("model on", next(model.parameters()).device.type, "and batch on", batch.device.type)
refused("batch elsewhere", batch.to("meta"))
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
# The network answers with **logits**: one number a class, of any size and sign. Larger means "rather this one". A
# **softmax** makes probabilities of them: exp of each, divided by the sum of all.

# %%
with torch.inference_mode():
    logits = model(batch)  # (1, classes)
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
my_guess = ...  # for example ("unchanged", "changed")

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
# `torch.max(out, 0)` goes down the columns, `torch.max(out, 1)` along the rows. With a batch, a row is a picture.

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
# Neither line fails. The first is simply an answer to another question.
#
# ### Exercise: which dim?
#
# `logits` has shape (16, 10): sixteen pictures, ten classes. Over which dim goes the softmax? 2 minutes.

# %% tags=["exercise"]
dim = ...
ex.softmax_dim.check(dim)

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
# A model has two modes. `train()` is for learning: Dropout throws activations away at random, BatchNorm uses the statistics
# of the batch at hand. `eval()` is for answering. A freshly built model is in train mode.
#
# **Predict:** the same picture ten times through a model *in train mode*. How many different answers do you get from
# ResNet18, which has BatchNorm, and how many from MobileNetV3, which has Dropout as well?

# %%
my_guess = ...  # for example (1, 10)

# %%
import copy

different = {}
for name in ("resnet18", "mobilenet_v3_small"):
    one = load_classifier(name)
    twin = copy.deepcopy(one.model).train()  # a copy: what follows would damage the model
    torch.manual_seed(0)
    with torch.no_grad():
        answers = torch.cat([twin(one.prepare(picture)) for _ in range(10)])
    different[name] = len(torch.unique(answers, dim=0))
guess_and_truth("different answers in ten runs", my_guess, tuple(different.values()))

# %% [markdown]
# ResNet18 repeats itself, so all seems well. But is it the *right* answer? And what is left behind? BatchNorm keeps a running
# mean for every channel. Nobody called an optimiser, no loss, no `backward`:

# %%
twin = copy.deepcopy(model).train()
before = twin.bn1.running_mean[:4].clone()
with torch.no_grad():
    in_train_mode = twin(batch).softmax(1).max()
    for _ in range(9):
        twin(batch)
    in_eval_mode = model(batch).softmax(1).max()
print("running mean before     ", [round(value, 3) for value in before.tolist()])
print("after ten forwards      ", [round(value, 3) for value in twin.bn1.running_mean[:4].tolist()])
print(f"top-1 in eval mode        {float(in_eval_mode):.1%}")
print(f"top-1 in train mode       {float(in_train_mode):.1%}")

# %% [markdown]
# A forward in train mode *changes the model*. Afterwards even `eval()` answers differently, and so does the checkpoint you
# save. Watch it drift, and compare the models: which ones have no BatchNorm?

# %%
from course_lib.widgets import eval_or_train

light = [load_classifier(name) for name in ("mobilenet_v3_small", "squeezenet1_1")]
eval_or_train([classifier, *light], picture, mode="train", runs=10)

# %% [markdown]
# **What to notice.** In eval mode: one answer, no drift. ResNet18 in train mode: one answer, but the statistics run away.
# MobileNetV3: another answer each time, and drift. SqueezeNet has Dropout and no BatchNorm: other answers, no drift.

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
# Whatever mode the model is in: answer as in eval mode, build no graph, and leave the model in the mode it was in, even if
# its forward raises an error. 8 minutes.

# %% tags=["exercise"]
def careful_forward(model, batch):
    """Logits in eval mode, without a graph; the model is left as it was."""
    return ...


ex.careful_forward.check(careful_forward)

# %% [markdown]
# ## 5 Without a graph
#
# In an ordinary forward PyTorch keeps what a backward pass would need. **Predict:** how many megabytes is that for ResNet18
# and sixteen pictures? (The weights themselves are 45 MB.)

# %%
my_guess = ...  # MB

# %%
from course_lib.modes import saved_for_backward

sixteen = batch.expand(16, -1, -1, -1).contiguous()
megabytes = saved_for_backward(model, sixteen) / 1e6
guess_and_truth("kept for a backward pass (MB)", my_guess, round(megabytes))

# %% [markdown]
# `no_grad()` and `inference_mode()` keep nothing. They save time, too, though less than people think: the arithmetic of the
# forward is the same. `inference_mode` also drops the counters with which autograd watches its tensors, so its results can
# never be used in a graph.

# %% tags=["nbval-ignore-output"]
import time


def seconds(context):
    with context():
        model(sixteen)  # the first call is slower: warm up
        start = time.perf_counter()
        for _ in range(3):
            model(sixteen)
        return (time.perf_counter() - start) / 3


with_graph, without = seconds(torch.enable_grad), seconds(torch.inference_mode)
print(f"with a graph {with_graph:.2f} s, without {without:.2f} s: ratio {with_graph / without:.2f}")

# %% [markdown]
# One error belongs here. An output with a graph does not become numpy, because numpy could not follow the gradient.

# %%
try:
    model(batch).numpy()
except RuntimeError as error:
    print(error)
with torch.inference_mode():
    print("without a graph:", model(batch).numpy().shape)

# %% [markdown]
# ## 6 The mistakes that raise nothing
#
# **Predict:** which of these hurts most, over 200 pictures? No normalising; blue and red exchanged (BGR); squashed instead
# of cropped; values from 0 to 255; another mean and std.

# %%
my_guess = ...  # for example "BGR"

# %% [markdown]
# The picture book draws its own test pictures: each one a function of its label and a seed, so everybody gets the same
# ones. The folders have the layout of torchvision's `ImageFolder`.

# %%
from course_lib.picturebook import CLASSES, write_folder

folder = write_folder("data/inference", CLASSES, n=20, split="val", first_seed=950_000)
print(len(list(folder.rglob("*.png"))), "pictures in", len(list(folder.glob("*/"))), "folders")

# %%
from course_lib.preprocessing import MISTAKES
from course_lib.scoring import accuracy_under

accuracy = {"as trained": accuracy_under(classifier, folder)}
for name, mistake in MISTAKES.items():
    accuracy[name] = accuracy_under(classifier, folder, mistake)
worst = min(accuracy, key=accuracy.get)
guess_and_truth("hurts most", my_guess, worst)

# %%
from course_lib.figures import bars

percent = {name: 100 * value for name, value in accuracy.items()}
bars(percent, unit="%", title="top-1 accuracy over 200 pictures", highlight="as trained")

# %% [markdown]
# **What to notice.** The order surprises most people. A network can live with a squeezed camel, since it learnt camels of many
# shapes; it has never seen numbers a hundred times too large. And look at the mild ones: a mistake that costs a few per cent
# will not be found by looking at one picture. It needs a folder and a count.

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
# In real life there is a folder, and some of its files are broken. `predict_folder` opens pictures while the network is
# computing, shows its progress, and reports bad files at the end instead of stopping.

# %%
mixed = write_folder("data/inference", ("dog", "cat", "goldfish", "hot dog"), n=16, split="mixed", difficulty="hard")
(mixed / "broken.png").write_bytes(b"this is not a picture")
found = classifier.predict_folder(mixed)
print(len(found.rows), "pictures on", found.device)
for path, _reason in found.skipped:
    print("skipped:", path.name)

# %% tags=["nbval-ignore-output"]
print(f"in all {found.total_seconds:.2f} s, on average {1000 * found.mean_seconds:.1f} ms a picture")
slowest = max(found.rows, key=lambda row: row.seconds)
print(f"slowest: {slowest.path.parent.name}/{slowest.path.name}, {1000 * slowest.seconds:.1f} ms")

# %% [markdown]
# These are hard pictures: small, noisy, half hidden. Sixteen of them, with what the network said:

# %%
from PIL import Image

from course_lib.figures import picture_grid
from course_lib.scoring import is_right

rows = found.rows[::4]
titles = [f"{row.prediction.label} {row.prediction.probability:.0%}" for row in rows]
right = [is_right(row, classifier) for row in rows]
picture_grid([Image.open(row.path) for row in rows], titles, right=right)

# %% [markdown]
# A folder without pictures is worth an error, and the error should say what it looked for.

# %%
from course_lib.errors import PictureError
from course_lib.images import list_images

try:
    list_images(mixed / "dog", extensions=(".jpg", ".jpeg"))
except PictureError as error:
    print(str(error).replace(str(mixed), "…"))

# %% [markdown]
# **Predict:** how much faster are sixteen pictures in one batch than sixteen batches of one, on this computer?

# %% tags=["nbval-ignore-output"]
my_guess = ...  # a ratio, for example 4
with torch.inference_mode():
    start = time.perf_counter()
    for one in sixteen:
        model(one.unsqueeze(0))
    singles = time.perf_counter() - start
    start = time.perf_counter()
    model(sixteen)
    together = time.perf_counter() - start
guess_and_truth("times faster as a batch", my_guess, round(singles / together, 1))

# %% [markdown]
# On a CPU less than most people think, because one picture keeps all cores busy already. On a GPU, which idles on a single
# picture, it is a factor of ten and more.

# %% [markdown]
# ## 8 Other models, other pictures
#
# The same picture through several models. The names with a download size need a network, once; set `download` to `True` to
# fetch them.

# %% tags=["nbval-ignore-output"]
from torchvision.models import get_model_weights

from course_lib.classifier import available_models

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
# Now choose a *photograph* in the menu: the cat, the espresso, the rocket. Or bring a picture of your own: upload it, or type
# its path or address.

# %%
for name in ("chelsea", "coffee", "rocket", "astronaut"):
    if name in pictures:  # they come with scikit-image
        answer = classifier.predict(pictures[name])
        print(f"{name:10} → {answer.label:16} {answer.probability:.0%}")

# %% [markdown]
# **What to notice.** With the course's weights some of these answers are certain and wrong. That network has seen ten kinds of
# drawings and nothing else, and a softmax has to share 100 % among the classes it has: it *cannot* say "none of these". With
# ImageNet weights the photographs come out well, and there the drawings are the stranger.
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
# | call | what it does |
# |---|---|
# | `load_classifier(name)` | model, transforms, categories and device in one |
# | `classifier.predict(picture, k=5)` | top k of one picture or a list |
# | `classifier.predict_folder(folder)` | the same for a folder; bad files at the end |
# | `stages(picture, transforms)` | preprocessing, step by step |
# | `MISTAKES[name].apply(picture, transforms)` | a classic mistake, on purpose |
# | `repeat(model, batch, mode="train")` | the same batch again and again, on a copy |
# | `saved_for_backward(model, batch)` | bytes that a graph keeps |
# | `accuracy_under(classifier, folder)` | the share that is right |

# %% [markdown]
# **Papers.** [Deep residual learning](https://arxiv.org/abs/1512.03385) (He et al. 2015), the network of this lesson.
# [Batch normalization](https://arxiv.org/abs/1502.03167) (Ioffe and Szegedy 2015).
# [Dropout](https://jmlr.org/papers/v15/srivastava14a.html) (Srivastava et al. 2014).
# [On calibration](https://arxiv.org/abs/1706.04599) (Guo et al. 2017): why networks are surer than they should be, and what a
# temperature has to do with it.
#
# **One open question.** If a softmax cannot say "none of these", what could you add, to the network or around it, so that it
# can?
