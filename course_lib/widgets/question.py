"""``guess``: a question that is answered before its answer is shown.

The question's control fits its kind: a slider, a button for each choice, an order that is picked, a line of text. The
next cell computes the truth and calls ``reveal``. Without a guess the truth stays folded there, in a saved file as
well; a guess that comes later unfolds it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
from IPython.display import DisplayHandle, display

from course_lib.drawing.guess_figures import number_line
from course_lib.drawing.still import Still
from course_lib.errors import CourseError
from course_lib.exercises.engine.guesses import (
    Choice,
    Comparison,
    Kind,
    Order,
    Scale,
    Text,
    in_words,
    keep_guess,
    kept_guesses,
)

__all__ = ["BOX", "Question", "Reveal", "as_html", "guess"]

BOX = '<div style="border-left:5px solid {color};padding:6px 12px;margin:4px 0">{inside}</div>'
_BLUE, _ORANGE, _GREEN = "#0072B2", "#D55E00", "#009E73"
_WIDE = widgets.Layout(width="auto", max_width="46em")


class Question:
    """A question and the guess that was committed to, if any.

    Attributes:
        id: the lesson's number and a name, such as "01_train_mode"; the guess is kept under it.
        question: a sentence.
        kind: how a guess is read and compared.
        guess: the learner's, or None.
    """

    def __init__(self, id: str, question: str, kind: Kind) -> None:
        self.id, self.question, self.kind = id, question, kind
        self.guess: Any = None
        self._reveals: list[Reveal] = []
        kept = kept_guesses().get(id)
        if kept is not None:
            try:
                self.guess = kind.read(kept.get("guess"))
            except CourseError:  # the question has changed since
                keep_guess(id, question, None)
        self._message = widgets.HTML()
        self.view = widgets.VBox([widgets.HTML(f"<b>{escape(question)}</b>"), *self._controls(), self._message])
        self._say_guess()

    def commit(self, guess: Any) -> Question:
        """Commit to a guess, as the control's button does; a truth that waits folded is shown.

        Raises:
            CourseError: this isn't a guess of this kind; nothing is kept.
        """
        self.guess = self.kind.read(guess)
        keep_guess(self.id, self.question, self.guess)
        self._say_guess()
        for reveal in self._reveals:
            reveal.refresh()
        return self

    def forget(self) -> Question:
        """Take the guess back."""
        self.guess = None
        keep_guess(self.id, self.question, None)
        self._say_guess()
        for reveal in self._reveals:
            reveal.refresh()
        return self

    def reveal(
        self,
        truth: Any,
        because: str = "",
        *,
        low: str = "",
        high: str = "",
        wrong: Mapping[str, str] | None = None,
        also: Any = None,
    ) -> Reveal:
        """Show the truth beside the guess; without a guess, fold it.

        Args:
            truth: what was computed.
            because: why it is so, for everybody.
            low, high: what to say to a guess that is too low, or too high.
            wrong: a choice → what to say to those who chose it.
            also: a picture or table, or several, that give the truth away and so lie in the same fold.
        """
        reveal = Reveal(self, truth, because, low=low, high=high, wrong=wrong or {}, also=also)
        self._reveals = [*self._reveals[-3:], reveal]  # a cell that is run again and again leaves few behind
        return reveal

    # -- what is shown ------------------------------------------------------------------------------------------------
    def _controls(self) -> list[widgets.Widget]:
        if isinstance(self.kind, Scale):
            return self._scale(self.kind)
        if isinstance(self.kind, Choice):
            return [widgets.HBox([self._button(option, option) for option in self.kind.options], layout=_ROW)]
        if isinstance(self.kind, Order):
            return self._order(self.kind)
        line = widgets.Text(placeholder=f"such as {self.kind.example}", layout=widgets.Layout(width="24em"))
        line.observe(lambda change: self._say_would(change["new"]), names="value")
        return [widgets.HBox([line, self._button("This is my guess", lambda: line.value)], layout=_ROW)]

    def _scale(self, scale: Scale) -> list[widgets.Widget]:
        slider = _slider(scale, scale.low if self.guess is None else self.guess)
        slider.observe(lambda change: self._say_would(scale.say(_rounded(slider))), names="value")
        unit = widgets.Label(scale.unit)
        return [widgets.HBox([slider, unit, self._button("This is my guess", lambda: _rounded(slider))], layout=_ROW)]

    def _order(self, order: Order) -> list[widgets.Widget]:
        picked: list[str] = []
        buttons = [widgets.Button(description=option, layout=_BUTTON) for option in order.options]
        so_far = widgets.HTML("Pick them in order, the first one first.")
        again = widgets.Button(description="Start again", layout=_BUTTON)

        def pick(button: widgets.Button) -> None:
            picked.append(button.description)
            button.disabled = True
            so_far.value = "Your order: " + escape(", ".join(picked))
            if len(picked) == len(buttons):
                self.commit(list(picked))

        def clear(_: widgets.Button) -> None:
            picked.clear()
            so_far.value = "Pick them in order, the first one first."
            for button in buttons:
                button.disabled = False

        for button in buttons:
            button.on_click(pick)
        again.on_click(clear)
        return [widgets.HBox([*buttons, again], layout=_ROW), so_far]

    def _button(self, label: str, value: Any) -> widgets.Button:
        button = widgets.Button(description=label, layout=_BUTTON)

        def clicked(_: widgets.Button) -> None:
            try:
                self.commit(value() if callable(value) else value)
            except CourseError as problem:
                self._message.value = BOX.format(color=_ORANGE, inside=escape(str(problem)))

        button.on_click(clicked)
        return button

    def _say_would(self, words: str) -> None:
        self._message.value = f"Press the button to commit to <b>{escape(words)}</b>." if words.strip() else ""

    def _say_guess(self) -> None:
        said = "" if self.guess is None else f"Your guess: <b>{escape(self.kind.say(self.guess))}</b>"
        self._message.value = said

    def __repr__(self) -> str:
        said = "no guess so far" if self.guess is None else f"your guess: {self.kind.say(self.guess)}"
        return f"{self.question} ({said})"

    def _repr_html_(self) -> str:
        kind = self.kind
        if isinstance(kind, Scale):
            high = in_words(kind.high) if kind.unit.startswith("of ") else kind.say(kind.high)
            asked = f"Guess a number from {in_words(kind.low)} to {high}."
        elif isinstance(kind, Choice):
            asked = "Choose one: " + " · ".join(kind.options)
        elif isinstance(kind, Order):
            asked = "Put these in order: " + " · ".join(kind.options)
        else:
            asked = f"Write your guess, such as {kind.example}."
        said = "" if self.guess is None else f"<br>Your guess: <b>{escape(kind.say(self.guess))}</b>"
        return BOX.format(color=_BLUE, inside=f"<b>{escape(self.question)}</b><br>{escape(asked)}{said}")

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.view.model_id}
        return {
            "application/vnd.jupyter.widget-view+json": view,
            "text/html": self._repr_html_(),
            "text/plain": repr(self),
        }


_ROW = widgets.Layout(flex_flow="row wrap", align_items="center")
_BUTTON = widgets.Layout(width="auto")


def _slider(scale: Scale, value: float) -> widgets.Widget:
    how = {"continuous_update": True, "layout": widgets.Layout(width="28em")}
    if scale.log:
        from math import log10

        return widgets.FloatLogSlider(
            base=10,
            min=log10(scale.low),
            max=log10(scale.high),
            value=scale.low,
            step=0.01,
            readout_format=".3s" if scale.low >= 1 and scale.high >= 1000 else ".3g",  # 133M, but 0.500 and not 500m
            **how,
        )
    step = scale.step or (1 if scale.high - scale.low > 5 and float(scale.low).is_integer() else 0.01)
    if all(float(number).is_integer() for number in (scale.low, scale.high, step)):
        return widgets.IntSlider(min=int(scale.low), max=int(scale.high), value=int(value), step=int(step), **how)
    return widgets.FloatSlider(min=scale.low, max=scale.high, value=value, step=step, **how)


def _rounded(slider: widgets.Widget) -> float:
    value = float(slider.value)
    return value if not isinstance(slider, widgets.FloatLogSlider) else min(float(f"{value:.3g}"), 10**slider.max)


class Reveal:
    """The truth beside a guess; folded as long as there is none."""

    def __init__(
        self, question: Question, truth: Any, because: str, *, low: str, high: str, wrong: Mapping[str, str], also: Any
    ) -> None:
        self.question, self.truth, self.because = question, truth, because
        self._low, self._high, self._wrong = low, high, wrong
        self._also = also if isinstance(also, list | tuple) else [] if also is None else [also]
        self._handle: DisplayHandle | None = None
        self._keep()

    @property
    def comparison(self) -> Comparison | None:
        """How the guess came out; None without one."""
        guess = self.question.guess
        return None if guess is None else self.question.kind.compare(guess, self.truth)

    def _keep(self) -> None:
        if self.comparison is not None:
            keep_guess(self.question.id, self.question.question, self.question.guess, self.comparison)

    def refresh(self) -> None:
        """Show what has changed where this was shown."""
        self._keep()
        if self._handle is not None:
            self._handle.update(self._bundle(), raw=True)

    def _reaction(self, comparison: Comparison) -> str:
        if isinstance(self.question.kind, Choice):
            return self._wrong.get(self.question.guess, "")
        if comparison.near or comparison.offset is None:
            return ""
        return self._low if comparison.offset < 0 else self._high

    def __repr__(self) -> str:
        comparison = self.comparison
        truth = f"Answer: {self.question.kind.say(self.truth)}."
        said = f"Guess first, or read on. {truth}" if comparison is None else comparison.sentence
        reaction = "" if comparison is None else self._reaction(comparison)
        also = [shown if isinstance(shown, str) else repr(shown) for shown in self._also]
        return "\n".join(filter(None, [said, reaction, self.because, *also]))

    def _repr_html_(self) -> str:
        comparison, kind = self.comparison, self.question.kind
        because = f"<p>{escape(self.because)}</p>" if self.because else ""
        also = "".join(map(as_html, self._also))
        if comparison is None:
            truth = f"<p>{escape(self.question.question)} <b>{escape(kind.say(self.truth))}</b></p>"
            fold = "<summary>You haven't guessed yet: guess first, or open this to see the answer.</summary>"
            return BOX.format(color=_BLUE, inside=f"<details>{fold}{truth}{because}{also}</details>")
        icon, color = ("✓", _GREEN) if comparison.near else ("→", _ORANGE)
        line = ""
        if isinstance(kind, Scale):
            places = kind.share(self.question.guess), kind.share(self.truth)
            guessed, known = kind.say(self.question.guess), kind.say(self.truth)
            ends = (in_words(kind.low), in_words(kind.high))
            line = as_html(number_line(*places, ends, guessed=guessed, known=known))
        reaction = self._reaction(comparison)
        said = f'<span style="color:{color}">{icon}</span> <b>{escape(comparison.sentence)}</b> {escape(reaction)}'
        return BOX.format(color=color, inside=f"{said}{line}{because}{also}")

    def _bundle(self) -> dict[str, Any]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}

    def _ipython_display_(self) -> None:
        self._handle = display(self._bundle(), raw=True, display_id=True)


def as_html(shown: Any) -> str:
    if isinstance(shown, Still):
        data = base64.b64encode(shown.data).decode("ascii")
        style = f"display:block;max-width:100%;width:{shown.width}px"
        return f'<img alt="{escape(shown.alt)}" style="{style}" src="data:image/{shown.format};base64,{data}">'
    if hasattr(shown, "_repr_html_"):
        return str(shown._repr_html_())
    return f"<pre>{escape(str(shown))}</pre>"


def guess(
    id: str,
    question: str,
    *,
    between: tuple[float, float] | None = None,
    unit: str = "",
    step: float | None = None,
    log: bool = False,
    near: float | None = None,
    choices: Sequence[str] | None = None,
    order: Sequence[str] | None = None,
    write: str = "",
) -> Question:
    """Ask a question whose answer is guessed before it is computed. Give one of the last kinds of answer.

    Args:
        id: the lesson's number and a name, such as "01_train_mode".
        question: a sentence.
        between: a number between these two; ``unit`` stands behind it, ``step`` is the slider's, ``log`` spreads it
            logarithmically, and ``near`` is the distance that counts as near: 10% of the scale, or a factor of 1.5.
        choices: one of these.
        order: these, in the right order.
        write: a line of text such as a shape; this is the example shown.

    Raises:
        CourseError: no kind of answer was given, or several, or the id does not begin with a lesson's number.

    Example:
        >>> answers = guess("01_answers", "How many answers differ?", between=(0, 10), unit="answers").forget()
        >>> answers.reveal(9)
        Guess first, or read on. Answer: 9 answers.
        >>> answers.commit(2).reveal(9)
        You guessed 2 answers, and it is 9 answers: 7 answers too low.
        >>> _ = answers.forget()
    """
    given = [
        name
        for name, value in (("between", between), ("choices", choices), ("order", order), ("write", write))
        if value
    ]
    if len(given) != 1:
        raise CourseError(f"guess takes one of between=, choices=, order= and write=; {given or 'none'} was given.")
    if not id[:2].isdigit() or id[2:3] != "_" or len(id) < 4:
        raise CourseError(f'The id {id[:60]!r} was given; begin it with the lesson\'s number, such as "01_train_mode".')
    if between is not None:
        return Question(id, question, Scale(*between, unit=unit, step=step, log=log, near=near))
    if choices or order:
        options = tuple(map(str, choices or order or ()))
        if len(set(options)) < max(len(options), 2):
            raise CourseError(f"{options} was given; give at least two different things to choose from.")
        return Question(id, question, Choice(options) if choices else Order(options))
    return Question(id, question, Text(write))
