"""The clinic names every mistake that raises, from the real error, and its repair is run: that is the oracle.

Each case is what a learner types: what is there before, the line that fails, and whether the line goes through after
the repair ("again") or is part of it ("instead"). These tests also run on the lowest versions and on Colab's (.ci/run).
"""

from __future__ import annotations

import gc
import html
import os
import pickle
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision import models
from torchvision.models import resnet

from course_lib import clinic
from course_lib.clinic import Diagnosis
from course_lib.errors import CourseError


def quick(builder: Callable[..., nn.Module], **settings: Any) -> nn.Module:
    """A model without the time that initialising takes; its numbers are whatever lies in memory."""
    with torch.device("meta"):
        model = builder(**settings)
    return model.to_empty(device="cpu").eval()


def tiny_vit() -> nn.Module:
    return models.VisionTransformer(32, 16, num_layers=1, num_heads=2, hidden_dim=8, mlp_dim=16, num_classes=5).eval()


class Net(nn.Module):
    """A learner's network: "flatten" or the adaptive pool may be forgotten."""

    def __init__(self, *, flatten: bool = True, pool: bool = True, rows: int = 32) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.avgpool = nn.AdaptiveAvgPool2d(2)
        self.fc = nn.Linear(rows, 5)
        self.flatten, self.pool = flatten, pool

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        x = self.avgpool(x) if self.pool else x
        x = torch.flatten(x, 1) if self.flatten else x
        out: Tensor = self.fc(x)
        return out


class Written(nn.Module):
    """A network whose in-place ReLU writes over what the backward pass needs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x).sigmoid()
        return (y * self.relu(y)).sum()


class Own(nn.Module):
    """A network of the learner's own around one of torchvision's."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone, self.head = quick(models.resnet18, num_classes=3), nn.Linear(3, 2)


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("echo this must never run",)


@dataclass
class Case:
    """What is there, the line that fails, the mistake's name, words of the answer, and what to do after the repair."""

    before: str
    line: str
    name: str
    words: tuple[str, ...] = ()
    after: str = "again"  # or "instead": the repair is a line in place of the one that failed; or "": not runnable


SMALL = "model = quick(models.resnet18)\n"
TWO = "out = models.InceptionOutputs(torch.zeros(2, 9), torch.zeros(2, 9))"
CASES = {
    # row 1
    "no batch, ResNet": Case(SMALL + "picture = torch.zeros(3, 64, 64)", "model(picture)", "no batch dimension",
                             ("3×64×64", "bn1 (BatchNorm2d) of ResNet", "picture = picture.unsqueeze(0)", "1×1000")),
    "no batch, ViT": Case("model = tiny_vit()\nx = torch.zeros(3, 32, 32)", "model(x)", "no batch dimension", ("1×5",)),
    "no batch, ConvNeXt": Case("net = quick(models.convnext_tiny)\nx = torch.zeros(3, 32, 32)", "net(x)",
                               "no batch dimension", ("features.0.1 (LayerNorm2d)",)),
    "no batch, keyword": Case(SMALL + "picture = torch.zeros(3, 64, 64)", "model(x=picture)", "no batch dimension",
                              ("picture = picture.unsqueeze(0)",)),
    "no batch, forward": Case(SMALL + "picture = torch.zeros(3, 64, 64)", "model.forward(picture)",
                              "no batch dimension", after="") ,
    # row 2
    "no batch, AlexNet": Case("model = quick(models.alexnet)\nx = torch.zeros(3, 63, 63)", "model(x)",
                              "no batch dimension", ("256×36", "4096×9216", "classifier.1 (Linear)")),
    "no batch, VGG": Case("model = quick(models.vgg11, num_classes=3)\nx = torch.zeros(3, 32, 32)", "model(x)",
                          "no batch dimension", ("512×49", "4096×25088"), after=""),
    # row 3
    "channels last": Case(SMALL + "x = torch.zeros(64, 48, 3)", "model(x)", "channels last",
                          ("64×48×3", "permute(2, 0, 1)", "unsqueeze")),
    "channels last, batch": Case(SMALL + "x = torch.zeros(2, 64, 48, 3)", "model(x)", "channels last",
                                 ("permute(0, 3, 1, 2)", "2×1000")),
    # row 4
    "grey": Case(SMALL + "x = torch.zeros(1, 1, 64, 64)", "model(x)", "grey picture", ("convert('RGB')", "64×3×7×7")),
    "RGBA": Case(SMALL + "x = torch.zeros(1, 4, 64, 64)", "model(x)", "RGBA picture", (":3",)),
    "grey, nothing else": Case(SMALL + "x = torch.zeros(64, 64)", "model(x)", "no channel dimension"),
    # row 5
    "uint8": Case(SMALL + "x = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)", "model(x)",
                  "wrong number type of the input", ("uint8", "float32", "/ 255")),
    "float64": Case(SMALL + "x = torch.zeros(1, 3, 64, 64, dtype=torch.float64)", "model(x)",
                    "wrong number type of the input", ("x = x.float()",)),
    "bfloat16": Case(SMALL + "x = torch.zeros(1, 3, 64, 64, dtype=torch.bfloat16)", "model(x)",
                     "wrong number type of the input", ("bfloat16",)),
    "half, bias": Case("model = tiny_vit()\nx = torch.zeros(1, 3, 32, 32).half()", "model(x)",
                       "wrong number type of the input", ("float16",)),
    "float64, linear": Case("model = nn.Linear(4, 2)\nx = torch.zeros(1, 4).double()", "model(x)",
                            "wrong number type of the input", ("float64",)),
    "float into a half model": Case("model = nn.Linear(4, 2).half()\nx = torch.zeros(1, 4)", "model(x)",
                                    "wrong number type of the input", ("x = x.to(torch.float16)",)),
    # row 6 (a CPU has one more device: meta)
    "input on meta": Case(SMALL + "x = torch.zeros(1, 3, 64, 64, device='meta')", "model(x)", "different devices",
                          ("meta", "cpu")),
    "model on meta": Case("model = nn.Linear(4, 2, device='meta')\nx = torch.zeros(1, 4)\n"
                          "state_dict = nn.Linear(4, 2).state_dict()", "model(x)", "different devices",
                          ("assign=True",)),
    # row 8
    "one in train mode": Case("model = quick(models.resnet18).train()\nx = torch.zeros(1, 3, 32, 32)", "model(x)",
                              "one value per channel", ("layer4.0.bn1", "1×512×1×1", "model.eval()", "drop_last=True")),
    # row 12
    "numpy": Case("y = nn.Linear(2, 2)(torch.zeros(1, 2))", "values = y.numpy()", "numpy of a tensor with gradients",
                  ("values = y.detach().numpy()",), "instead"),
    "asarray": Case("output = nn.Linear(2, 2)(torch.zeros(1, 2))", "np.asarray(output)",
                    "numpy of a tensor with gradients", (), "instead"),
    # row 14
    "another enum": Case("", "x = 1\nmodels.resnet18(weights=models.ResNet50_Weights.DEFAULT)",
                         "weights of another model",
                         ("resnet18 was given", "models.resnet18(weights=models.ResNet18_Weights.DEFAULT)"), ""),
    # row 15
    "member by name": Case("", "models.resnet18(weights='IMAGENET1K_V2')", "no such weights",
                           ("ResNet18_Weights has no IMAGENET1K_V2", "weights='IMAGENET1K_V1'"), ""),
    "member, attribute": Case("", "w = models.ResNet18_Weights.IMAGENET1K_V2", "no such weights",
                              ("w = models.ResNet18_Weights.IMAGENET1K_V1",), "instead"),
    "member, item": Case("", "models.VGG11_Weights['NOTHING']", "no such weights",
                         ("VGG11_Weights['DEFAULT']",), "instead"),
    "get_weight": Case("", "models.get_weight('ResNet18_Weights.IMAGENET1K_V2')", "no such weights",
                       ("IMAGENET1K_V1",), "instead"),
    # row 16
    "unknown model": Case("", "model = models.get_model('squeezenet-1_1')", "unknown model", ("squeezenet1_1",),
                          "instead"),
    "unknown attribute": Case("", "model = models.squeezenet11()", "unknown model", ("squeezenet1_1",), "instead"),
    "unknown import": Case("", "from torchvision.models import resnet81", "unknown model", ("resnet18",), "instead"),
    # row 17
    "no downsample": Case("block = resnet.BasicBlock(64, 128, stride=2)\nx = torch.zeros(1, 64, 8, 8)", "block(x)",
                          "shortcut without downsample",
                          ("1×64×8×8", "1×128×4×4", "nn.Conv2d(64, 128, kernel_size=1, stride=2, bias=False)"), "use"),
    "no downsample, channels": Case("block = resnet.Bottleneck(64, 64)\nx = torch.zeros(1, 64, 8, 8)", "block(x)",
                                    "shortcut without downsample", ("from 64 to 256", "stride=1"), "use"),
    # row 18
    "groups on a BasicBlock": Case("from torchvision.models.resnet import Bottleneck",
                                   "block = resnet.BasicBlock(64, 64, groups=2)", "what a BasicBlock cannot do",
                                   ("groups=2", "Bottleneck(64, 16, groups=2)"), "instead"),
    "dilation on a BasicBlock": Case("from torchvision.models.resnet import Bottleneck",
                                     "block = resnet.BasicBlock(64, 64, dilation=2)", "what a BasicBlock cannot do",
                                     ("dilation=2",), "instead"),
    "groups on a ResNet": Case("", "model = resnet.ResNet(resnet.BasicBlock, [1, 1, 1, 1], groups=2)",
                               "what a BasicBlock cannot do", ("resnet.ResNet(resnet.Bottleneck,",), "instead"),
    "dilation on ResNet18": Case("", "m = models.resnet18(replace_stride_with_dilation=[False, False, True])",
                                 "what a BasicBlock cannot do", ("m = models.resnet50(",), ""),
    "two dilations": Case("from torchvision.models.resnet import Bottleneck, ResNet",
                          "m = ResNet(Bottleneck, [1] * 4, replace_stride_with_dilation=[False, True])",
                          "list of dilations of the wrong length", ("[False, False, True]",), "instead"),
    # row 19
    "groups, in": Case("", "layer = nn.Conv2d(64, 64, 3, groups=3)", "groups that do not divide the channels",
                       ("in_channels=64", "groups=2"), "instead"),
    "groups, out": Case("count = 4", "layer = nn.Conv2d(64, 30, 3, groups=count)",
                        "groups that do not divide the channels", ("out_channels=30", "1, 2"), "instead"),
    # row 20
    "no flatten": Case("model = Net(flatten=False, rows=32)\nx = torch.zeros(1, 3, 8, 8)", "model(x)",
                       "no flatten before a linear layer", ("1×8×2×2", "8·2·2 = 32", "x = torch.flatten(x, 1)"), ""),
    "no flatten, fc alone": Case("fc = nn.Linear(512, 10)\nmaps = torch.zeros(1, 512, 1, 1)", "fc(maps)",
                                 "no flatten before a linear layer", ("maps = torch.flatten(maps, 1)",)),
    # row 21
    "no adaptive pool": Case("vgg = quick(models.vgg11)\n"
                             "model = nn.Sequential(vgg.features, nn.Flatten(), vgg.classifier)\n"
                             "x = torch.zeros(1, 3, 64, 64)", "model(x)", "no adaptive pool before the classifier",
                             ("512×2×2", "25088", "512·7·7", "model.insert(1, nn.AdaptiveAvgPool2d((7, 7)))")),
    "pool not called": Case("model = Net(pool=False)\nx = torch.zeros(1, 3, 8, 8)", "model(x)",
                            "no adaptive pool before the classifier", ("x = self.avgpool(x)",), ""),
    "another number of rows": Case("model = Net(rows=30)\nx = torch.zeros(1, 3, 8, 8)", "model(x)",
                                   "linear layer of the wrong size", ("model.fc = nn.Linear(32, 5)",)),
    "head of another ResNet": Case(SMALL + "model.fc = nn.Linear(2048, 2)\nx = torch.zeros(8, 3, 64, 64)", "model(x)",
                                   "linear layer of the wrong size", ("model.fc = nn.Linear(512, 2)",)),
    "two rows by chance": Case(SMALL + "model.fc = nn.Sequential(nn.Linear(1024, 9))\nx = torch.zeros(2, 3, 64, 64)",
                               "model(x)", "linear layer of the wrong size", ("model.fc[0] = nn.Linear(512, 9)",)),
    "LeNet on MNIST": Case("net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.Conv2d(6, 9, 5), "
                           "nn.MaxPool2d(2), nn.Flatten(), nn.Linear(225, 9))\nx = torch.zeros(4, 1, 28, 28)", "net(x)",
                           "linear layer of the wrong size", ("net[5] = nn.Linear(144, 9)", "takes pictures of 32×32")),
    "children without a flatten": Case("net = nn.Sequential(*quick(models.resnet18).children())\n"
                                       "x = torch.zeros(2, 3, 64, 64)", "net(x)", "no flatten before a linear layer",
                                       ("net.insert(9, nn.Flatten())",)),
    # row 22
    "too small for the pools": Case("model = quick(models.alexnet)\nx = torch.zeros(1, 3, 32, 32)", "model(x)",
                                    "picture too small", ("63×63", "features.12 (MaxPool2d)", "= 0")),
    "too small for a kernel": Case("model = quick(models.inception_v3, init_weights=False)\n"
                                   "x = torch.zeros(1, 3, 32, 32)", "model(x)", "picture too small",
                                   ("75×75", "Mixed_6a.branch3x3.conv"), ""),
    # row 23
    "ViT of another size": Case("model = tiny_vit()\nx = torch.zeros(1, 3, 48, 48)", "model(x)",
                                "picture of the wrong size", ("position embeddings", "[32, 32]")),
    # row 24
    "smaller head": Case(SMALL + "state = quick(models.resnet18, num_classes=2).state_dict()",
                         "model.load_state_dict(state)", "different head",
                         ("2×512", "1000×512", "model.fc = nn.Linear(512, 2)"), "instead"),
    "larger head": Case("net = quick(models.mobilenet_v3_small, num_classes=2)\n"
                        "state = quick(models.mobilenet_v3_small).state_dict()", "net.load_state_dict(state)",
                        "different head",
                        ("net.classifier[3] = nn.Linear(1024, 1000)", "nn.Linear(1024, 2)"), "instead"),
    "head of convolutions": Case("m = quick(models.squeezenet1_1)\n"
                                 "state = quick(models.squeezenet1_1, num_classes=4).state_dict()",
                                 "m.load_state_dict(state)", "different head", ("m.classifier[1] = nn.Conv2d(512, 4",),
                                 "instead"),
    # row 25
    "another depth": Case("model = quick(models.resnet34)\nstate = quick(models.resnet18, num_classes=7).state_dict()",
                          "model.load_state_dict(state)", "weights of a different depth",
                          ("weights of a resnet18", "layer1.2.conv1.weight", "num_classes=7"), "instead"),
    # row 26
    "another architecture": Case(SMALL + "state = quick(models.mobilenet_v3_small, num_classes=7).state_dict()",
                                 "model.load_state_dict(state)", "weights of a different architecture",
                                 ("= torchvision.models.mobilenet_v3_small(num_classes=7)",), "instead"),
    "backbone": Case("net = Own()\nstate = quick(models.resnet18, num_classes=3).state_dict()",
                     "net.load_state_dict(state)", "weights of only part of the model",
                     ("net.backbone.load_state_dict(state)",), "instead"),
    "DataParallel": Case(SMALL + "state = nn.DataParallel(quick(models.resnet18)).state_dict()",
                         "model.load_state_dict(state)", "prefix before every name", ("'module.'",), "instead"),
    "into DataParallel": Case("model = nn.DataParallel(quick(models.resnet18))\n"
                              "state = quick(models.resnet18).state_dict()",
                              "model.load_state_dict(state)", "prefix before every name",
                              ("model.module.load_state_dict(state)",), "instead"),
    "whole checkpoint": Case(SMALL + "state = quick(models.resnet18).state_dict()\n"
                             "checkpoint = {'epoch': 3, 'model_state_dict': state}",
                             "model.load_state_dict(checkpoint)", "whole checkpoint, not a state dict",
                             ("checkpoint['model_state_dict']", "'epoch'"), "instead"),
    "both": Case(SMALL + "c = {'epoch': 3, 'net': nn.DataParallel(quick(models.resnet18)).state_dict()}",
                 "model.load_state_dict(c)", "prefix before every name", ("c['net']",), "instead"),
    "unnamed": Case(SMALL + "saved = {'best': nn.DataParallel(model).state_dict()}",
                    "model.load_state_dict(saved['best'])", "prefix before every name", ("in saved['best'].items()",),
                    "instead"),
    "a path": Case("model = nn.Linear(2, 2)\ntorch.save(model.state_dict(), 'm.pth')", "model.load_state_dict('m.pth')",
                   "no state dict", ('torch.load("m.pth"',), "instead"),
    "a model": Case("model, other = nn.Linear(2, 2), nn.Linear(2, 2)", "model.load_state_dict(other)", "no state dict",
                    ("model.load_state_dict(other.state_dict())",), "instead"),
    # row 27
    "web page": Case("Path('w.pth').write_text('<!DOCTYPE html><html>404</html>')", "torch.load('w.pth')",
                     "web page instead of a checkpoint", ("<!DOCTYPE html>", "url"), ""),
    "web page, unsafe": Case("Path('w.pth').write_text('<html>404</html>')", "torch.load('w.pth', weights_only=False)",
                             "web page instead of a checkpoint", (), ""),
    "empty": Case("Path('e.pth').touch()", "torch.load(Path('e.pth'))", "empty file", ("e.pth is empty",), ""),
    "cut short": Case("torch.save(torch.zeros(9999), 'c.pth')\ndata = Path('c.pth').read_bytes()\n"
                      "Path('c.pth').write_bytes(data[:5000])", "torch.load('c.pth')", "file cut short",
                      ("5,000 bytes",), ""),
    "cut short, long": Case("torch.save(torch.zeros(99999), 'c.pth')\ndata = Path('c.pth').read_bytes()\n"
                            "Path('c.pth').write_bytes(data[:200000])", "torch.load('c.pth')", "file cut short",
                            (), ""),
    "whole model": Case("torch.save(nn.Sequential(resnet.BasicBlock(4, 4)), 'm.pth')", "torch.load('m.pth')",
                        "checkpoint that holds more than tensors",
                        ("state_dict()", '"m_state_dict.pth"', "torch.load('m.pth', weights_only=False)"),
                        "instead"),
    "Git LFS": Case("Path('l.pth').write_text('version https://git-lfs.github.com/spec/v1\\nsize 9\\n')",
                    "torch.load('l.pth')", "Git LFS pointer instead of a checkpoint", ("git lfs pull",), ""),
    "text": Case("Path('t.pth').write_text('hello, this is text')", "torch.load('t.pth')",
                 "text instead of a checkpoint", ("hello, this is text",), ""),
    # row 28
    "GoogLeNet trains": Case("output = models.GoogLeNetOutputs(torch.zeros(2, 9), torch.zeros(2, 9), None)",
                             "best = output.argmax(1)", "several outputs in train mode",
                             ("best = output.logits.argmax(1)", "2×9", "model.eval()"), "instead"),
    "Inception trains": Case(TWO,
                             "p = torch.softmax(out, dim=1)", "several outputs in train mode",
                             ("p = torch.softmax(out.logits, dim=1)",), "instead"),
    "in the loss": Case(TWO + "\ny = torch.tensor([1, 2])",
                        "loss = nn.CrossEntropyLoss()(out, y)", "several outputs in train mode", ("out.logits",),
                        "instead"),
    "max": Case(TWO, "best = torch.max(out, 1)",
                "several outputs in train mode", ("torch.max(out.logits, 1)",), "instead"),
    # row 29
    "written over": Case("net = Written()\nloss = net(torch.randn(1, 3, 4, 4))", "loss.backward()",
                         "changed in place before backward",
                         ("1×3×4×4", "Sigmoid", "relu", "net.modules()"), "forward"),
    "leaf": Case("w = torch.zeros(3, requires_grad=True)", "w += 1", "in place on a leaf", ("torch.no_grad()",),
                 "instead"),
    "leaf, relu": Case("w = torch.zeros(3, requires_grad=True)", "nn.ReLU(inplace=True)(w)", "in place on a leaf",
                       ("nn.ReLU(inplace=False)",), "instead"),
}  # fmt: skip


class Odd(nn.Module):
    """A network of the learner's own, wrong in a way that has no single repair."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how, self.conv, self.norm = how, nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x)
        if self.how == "cat":
            return torch.cat([x, y], 1)
        if self.how == "view":
            return y.view(-1, 7)
        if self.how == "add":
            return y + x.mean(1, keepdim=True)
        norm: Tensor = self.norm(y)
        return norm


GENERAL = {
    how: Case(f"net = Odd({how!r})\nx = torch.zeros(1, 3, 9, 9)", "net(x)", "shapes that do not fit", words)
    for how, words in {
        "cat": ("1×3×9×9", "1×8×4×4", "dimension 2"),
        "view": ("= 128 numbers", "(-1, 7)"),
        "add": ("1×8×4×4", "1×1×9×9", "differ in the height and width (4 and 9)"),
        "norm": ("8 channels", "num_features=8", "norm (BatchNorm2d) of Odd"),
    }.items()
}
GENERAL |= {
    "hostile": Case("torch.save({'a': Hostile()}, 'h.pth')", "torch.load('h.pth')", "file that would run code",
                    ("system", "never read it with weights_only=False")),
    "hostile, bare": Case("Path('h.pth').write_bytes(pickle.dumps(Hostile(), protocol=2))", "torch.load('h.pth')",
                          "file that would run code", ("system",)),
    "BatchNorm2d of rows": Case("net = nn.Sequential(nn.Linear(10, 4), nn.BatchNorm2d(4))\nx = torch.zeros(2, 10)",
                                "net(x)", "shapes that do not fit", ("nn.BatchNorm1d(4)",)),
    "no channel in grey": Case("net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.Flatten(), nn.Linear(8 * 26 * 26, 2))\n"
                                     "x = torch.zeros(64, 28, 28)", "net(x)", "shapes that do not fit",
                                     ("unsqueeze(1), if these are 64 grey pictures: 64×1×28×28",)),
}  # fmt: skip


def space_of(case_before: str) -> dict[str, Any]:
    import numpy as np

    space: dict[str, Any] = {
        "torch": torch, "nn": nn, "torchvision": torchvision, "models": models, "resnet": resnet, "np": np,
        "Path": Path, "pathlib": __import__("pathlib"), "pickle": pickle, "quick": quick, "tiny_vit": tiny_vit,
        "Net": Net, "Own": Own, "Written": Written, "Hostile": Hostile, "Odd": Odd,
    }  # fmt: skip
    exec(case_before, space)
    return space


def provoke(case: Case, space: dict[str, Any]) -> BaseException:
    """Run the line from a file of its own, so that it can be shown, and give back what it raised."""
    Path("lesson.py").write_text(f"{case.line}\n")
    try:
        exec(compile(f"{case.line}\n", str(Path("lesson.py").resolve()), "exec"), space)
    except Exception as error:
        return error
    raise AssertionError(f"{case.line} went through")


@pytest.mark.parametrize("name", CASES)
def test_the_mistake_is_named_and_the_repair_works(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    case = CASES[name]
    space = space_of(case.before)
    error = provoke(case, space)
    found = clinic.explain(error)
    assert found is not None, f"silence about {type(error).__name__}: {error}"
    assert found.name == case.name
    for word in case.words:
        assert word in str(found) or word in found.repair + found.what, f"{word!r} is not in\n{found}"
    assert found.lines[0].text == case.line.splitlines()[-1]
    assert (found.lines[0].place, found.lines[0].number) == ("lesson.py", len(case.line.splitlines()))
    assert found.repair
    if not case.after:
        return
    files = {path: path.read_bytes() for path in Path().iterdir()}
    exec(found.repair, space)
    assert {path: path.read_bytes() for path in files} == files  # a repair writes over nobody's weights
    if case.after == "again":
        exec(case.line, space)
    elif case.after == "use":
        space["block"].downsample = space["downsample"]
        exec(case.line, space)
    elif case.after == "forward":
        exec(f"{case.before.splitlines()[-1]}\n{case.line}", space)


def test_every_rule_is_provoked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that no case needs is a rule that no test checks."""
    from course_lib.clinic.rules import RULES
    from course_lib.clinic.tracebacks import RaisedError

    monkeypatch.chdir(tmp_path)
    needed = set()
    for case in [*CASES.values(), *GENERAL.values()]:
        raised = RaisedError(provoke(case, space_of(case.before)))
        needed |= {rule for rule in RULES if rule.fits(raised) and rule.explain(raised) is not None}
    beyond = {  # only a GPU raises these
        r"^can't convert \S+ device type tensor to numpy",
        r"^Input type \(.+\) and (bias|weight) type \(.+\) should be the same",
    }
    homes = ("shape_errors", "tensor_errors", "checkpoint_errors")  # test_clinic_everyday has the others
    rules = [rule for rule in RULES if rule.explain.__module__.rpartition(".")[2] in homes]
    assert {rule.pattern for rule in rules if rule not in needed} <= beyond


@pytest.mark.parametrize("how", GENERAL)
def test_what_has_no_single_repair_is_told_in_shapes(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    case = GENERAL[how]
    found = clinic.explain(provoke(case, space_of(case.before)))
    assert found is not None
    assert (found.name, found.repair) == (case.name, "")
    for word in case.words:
        assert word in " ".join(str(found).split())


def lost_batch() -> Diagnosis:
    model, picture = Net(), torch.zeros(3, 8, 8)
    try:
        nn.Sequential(model.conv, nn.BatchNorm2d(8))(picture)
    except ValueError as error:
        found = clinic.explain(error)
        assert found is not None
        return found
    raise AssertionError


def test_the_lines_are_the_call_and_the_place_in_the_learners_own_network() -> None:
    with pytest.raises(RuntimeError) as caught:
        Net(flatten=False)(torch.zeros(1, 3, 8, 8))
    found = clinic.explain(caught.value)
    assert found is not None
    called, failed = found.lines
    assert called.text == "Net(flatten=False)(torch.zeros(1, 3, 8, 8))"
    assert failed.text == "out: Tensor = self.fc(x)"
    assert {line.place for line in found.lines} == {"test_clinic.py"}
    assert found.module == "fc (Linear) of Net"
    assert found.trace is not None and found.trace["avgpool"].output == (1, 8, 2, 2)
    assert list(map(str, found.shapes)) == ["the output of avgpool: 1×8×2×2", "fc.weight: 5×32"]


def test_the_box_says_what_the_text_says() -> None:
    found = lost_batch()
    page = found._repr_html_()
    plain = html.unescape(page)
    for text in (found.title, found.what, found.module, found.repair, found.why, *map(str, found.shapes)):
        assert text in plain
    assert 'role="note"' in page and 'scope="row"' in page  # not by colour alone, and readable to a screen reader
    assert "<script" not in page and "<img" not in page
    odd = Diagnosis("<b>", "a < b & c", repair="x = '<i>'")
    assert "<b><b>" not in odd._repr_html_() and "a &lt; b &amp; c" in odd._repr_html_()
    assert all(len(line) <= 120 for line in str(found).splitlines())


def test_nothing_is_kept_alive() -> None:
    def fail() -> tuple[Diagnosis | None, list[weakref.ref[Any]]]:
        model, picture = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), torch.zeros(3, 8, 8)
        watched = [weakref.ref(model), weakref.ref(picture), weakref.ref(model[0].weight)]
        try:
            model(picture)
        except ValueError as error:
            return clinic.explain(error), watched
        raise AssertionError

    found, watched = fail()
    gc.collect()
    assert found is not None and found.trace is not None
    assert [one() for one in watched] == [None, None, None]


def test_the_model_is_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    class Loud(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.drop = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()

        def forward(self, x: Tensor) -> Tensor:
            print("forward")
            out: Tensor = self.norm(self.drop(self.conv(x)))
            return out

    model = Loud()
    calls: list[int] = []
    model.conv.register_forward_hook(lambda *_: calls.append(1))
    model.norm.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    try:
        model(torch.zeros(3, 8, 8))
    except ValueError as error:
        state = torch.get_rng_state()
        found = clinic.explain(error)
    assert found is not None and found.name == "no batch dimension"
    assert capsys.readouterr().out == "forward\n" and calls == [1]
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert (model.training, model.conv.training, model.norm.training) == (True, True, False)
    assert all(one.requires_grad and one.grad is None for one in model.parameters())


def test_explain_finds_the_error_that_is_handled_or_the_last_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("last_exc", "last_value"):
        monkeypatch.delattr(f"sys.{name}", raising=False)
    assert clinic.explain() is None
    try:
        models.get_model("resnet-18")
    except ValueError as error:
        found = clinic.explain()
        kept = error
    assert found is not None and found.name == "unknown model"
    assert clinic.explain() is None
    monkeypatch.setattr("sys.last_value", kept, raising=False)
    assert clinic.explain() == found
    monkeypatch.delattr("sys.last_value")
    monkeypatch.setattr("sys.last_exc", kept, raising=False)
    assert clinic.explain() == found


def test_a_model_can_be_given_where_the_traceback_has_none() -> None:
    def lost() -> Tensor:
        loss: Tensor = Written()(torch.randn(1, 3, 4, 4))
        return loss

    with pytest.raises(RuntimeError) as caught:
        lost().backward()
    bare, told = clinic.explain(caught.value), clinic.explain(caught.value, model=Written())
    assert bare is not None and not bare.repair and "y = y + x" in bare.why
    assert told is not None and "relu" in told.why and "model.modules()" in told.repair


@pytest.mark.parametrize("wrong", ["an error", 3, ValueError])
def test_what_is_no_exception_is_refused(wrong: Any) -> None:
    with pytest.raises(CourseError, match="expects an exception"):
        clinic.explain(wrong)
    with pytest.raises(CourseError, match="expects a torch"):
        clinic.explain(ValueError("x"), model=wrong)
