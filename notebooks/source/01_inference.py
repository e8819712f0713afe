# %% [markdown]
# # Inference
#
# A placeholder.

# %%
import subprocess
import sys

if "google.colab" in sys.modules:  # on Colab: fetch the kit, and leave Colab's own torch as it is
    kit = "course_lib @ git+https://github.com/OWNER/image-classifiers-course"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "torchinfo", kit], check=True)

# %%
print(1 + 1)

# %%
import ipywidgets
from IPython.display import display

slider = ipywidgets.IntSlider()
label = ipywidgets.HTML("0")
slider.observe(lambda change: setattr(label, "value", str(change["new"])), "value")
box = ipywidgets.VBox([slider, label])
view = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
display({"application/vnd.jupyter.widget-view+json": view, "text/plain": "a slider"}, raw=True)
