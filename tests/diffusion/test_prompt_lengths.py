"""The base ratio is what it says, however long the prompts are; -s shows what regions get of the attention to texts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch
from exactness import EXACT, assert_same, difference
from tiny_pipelines import tiny

from muralist.diffusion import Region, dit, regional
from muralist.diffusion.dense_reference import dense
from muralist.diffusion.families import denoiser, family_of
from muralist.diffusion.partial_attention import _written_down, merged, partial_attention
from muralist.diffusion.regional import checked, scheduled
from muralist.diffusion.regional_attention import RegionalJointAttention, _keys, _queries

JOINT = ["SD3", "FLUX.1", "FLUX.2", "Qwen-Image", "Z-Image", "Chroma"]
PADDED = ["SD3", "FLUX.1", "FLUX.2", "Chroma"]
MASKED = ["Chroma"]
"""Of those, the ones whose padding weighs less than text: lengths that are alike do not make alike shares."""
SENTENCE = "a tall old house of red brick with seven windows under a wide grey sky and a small dog before its door "
LENGTHS = {letters: (SENTENCE * 4)[:letters].strip() for letters in (3, 12, 60, 150, 400)}


def paint(pipe: Any, family: str, prompt: str | None, **options: Any) -> torch.Tensor:
    """Final latents of two steps, unguided."""
    unguided = {"Qwen-Image": {"true_cfg_scale": 1.0}, "Z-Image": {"guidance_scale": 0.0}, "FLUX.1": {}}
    latents: torch.Tensor = pipe(
        prompt=prompt, width=64, height=64, num_inference_steps=2, output_type="latent",
        generator=torch.Generator().manual_seed(7), **unguided.get(family, {"guidance_scale": 1.0}), **options,
    ).images  # fmt: skip
    return latents


def halves(left: str, right: str) -> list[Region]:
    return [Region(left, 0, 0, 0.5, 1), Region(right, 0.5, 0, 1, 1)]


class Measured(RegionalJointAttention):
    """Keeps what regions get of the attention to texts, per cell of theirs, and the lengths of all texts."""

    found: list[float]
    spans: list[dit.TokenSpans]

    def __init__(
        self, tokens: dit.TokenSpans, shares: torch.Tensor, image_first: bool, kept: dict[str, list[Any]]
    ) -> None:
        super().__init__(tokens, shares, image_first)
        self.found, self.spans = kept["shares"], kept["spans"]
        self.spans.append(tokens)

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
    ) -> torch.Tensor:
        def attended(part: slice, cells: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            there = _keys(_queries(_queries(mask, self.image), cells), part)
            return partial_attention(query[:, :, self.image][:, :, cells], key[:, :, part], value[:, :, part], there)

        for text, cells in list(zip(self.texts, self.cells, strict=True))[1:]:
            image = attended(self.image, cells)
            base, own = (merged(image, attended(each, cells))[1] for each in (self.texts[0], text))
            self.found.append(float((own / (base + own)).mean()))
        return super().__call__(query, key, value, mask)


@contextmanager
def measured(pipe: Any, regions: list[Region]) -> Iterator[dict[str, list[Any]]]:
    """As `regional` with base ratio 0.5, where `shares` and `spans` are kept."""
    family, kept = family_of(pipe), {"shares": [], "spans": []}  # type: ignore[var-annotated]
    known: dit.DiTFamily = family.FAMILY  # type: ignore[attr-defined]
    first = known.attention.keywords["image_first"]  # type: ignore[attr-defined]

    @contextmanager
    def attached(pipe: Any) -> Iterator[Any]:
        counted = replace(known, attention=partial(Measured, image_first=first, kept=kept))
        with family.attached(pipe), dit.attached(denoiser(pipe), counted) as state:
            yield state

    layouts, schedule = checked(regions, 0.5)
    with scheduled(pipe, family, layouts, schedule, attached):
        yield kept


@pytest.mark.parametrize("family", JOINT)
def test_regions_get_their_share_of_the_attention_to_texts(family: str) -> None:
    """At a base ratio of 0.5 half of it, where base prompt and region's are of one length; padding makes them so."""
    pipe, print_ = tiny(family), []
    for base in (12, 150, 400):
        for region in (12, 150, 400):
            with measured(pipe, halves(LENGTHS[region], LENGTHS[region])) as kept:
                paint(pipe, family, LENGTHS[base])
            share = sum(kept["shares"]) / len(kept["shares"])
            spans = kept["spans"][0]
            print_.append(f"{base}/{region} letters ({spans.base}/{spans.texts[0]} tokens) {share:.3f}")
            if family in PADDED:
                assert {spans.base} == {*spans.texts}
            if family in PADDED and family not in MASKED:
                assert share == pytest.approx(0.5, abs=0.1)
            if base == region:
                assert share == pytest.approx(0.5, abs=0.03)
    print(f"\n{family}: share of the regions at 0.5: {'; '.join(print_)}")


@pytest.mark.parametrize(
    "lengths",
    [(3, 400), (60, 150), *(pytest.param(each, marks=pytest.mark.slow) for each in ((400, 3), (400, 400)))],
)
@pytest.mark.parametrize("family", JOINT)
def test_the_two_branches_are_mixed_by_the_base_ratio_whatever_their_lengths(
    family: str, lengths: tuple[int, int]
) -> None:
    pipe, (base, region) = tiny(family), lengths
    regions = halves(LENGTHS[region], "a cat")
    with dense(pipe, regions, 0.5):
        expected = paint(pipe, family, LENGTHS[base])
    with regional(pipe, regions, 0.5):
        got = paint(pipe, family, LENGTHS[base])
    assert difference(got, expected) < EXACT


@pytest.mark.parametrize("family", PADDED)
def test_prompts_are_padded_as_far_as_the_longest_needs_and_afterwards_as_before(family: str) -> None:
    pipe, seen = tiny(family), []
    hook = denoiser(pipe).register_forward_pre_hook(
        lambda _, args, kwargs: seen.append(kwargs["encoder_hidden_states"].shape[1]), with_kwargs=True
    )
    lengths = []
    for regions in ([Region("a cat", 0, 0, 1, 1)], [Region(LENGTHS[400] * 2, 0, 0, 1, 1)], None):
        seen.clear()
        if regions is None:
            paint(pipe, family, "a house")
        else:
            with regional(pipe, regions):
                paint(pipe, family, "a house")
        lengths.append(seen[0])
    hook.remove()
    assert lengths[0] < lengths[1]
    assert lengths[2] == lengths[1] if family != "SD3" else lengths[0] < lengths[2]


def test_regions_are_padded_like_embeddings_that_the_caller_has_made() -> None:
    pipe = tiny("FLUX.1")
    embeddings, pooled, _ = pipe.encode_prompt(prompt="a house", prompt_2=None, max_sequence_length=200)
    options = {"prompt_embeds": embeddings, "pooled_prompt_embeds": pooled}
    with measured(pipe, halves("a cat", "a dog")) as kept:
        paint(pipe, "FLUX.1", None, **options)
    assert (kept["spans"][0].base, kept["spans"][0].texts) == (200, (200, 200))
    with measured(pipe, halves(LENGTHS[400], "a dog")) as kept:
        paint(pipe, "FLUX.1", None, **options)
    assert (kept["spans"][0].base, kept["spans"][0].texts) == (200, (512, 512))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_parts_make_the_whole_whoever_gives_the_logarithms(dtype: torch.dtype, masked: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    query, key, value = (torch.randn(2, 3, n, 8, dtype=dtype, generator=generator) for n in (7, 11, 11))
    there = torch.rand(2, 1, 1, 11, generator=generator) > 0.3 if masked else None
    bias = None if there is None else torch.zeros_like(there, dtype=dtype).masked_fill_(~there, float("-inf"))
    whole = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=there)

    def part(keys: slice) -> tuple[torch.Tensor, ...]:
        return key[:, :, keys], value[:, :, keys], None if there is None else bias[..., keys]  # type: ignore[return-value,index]

    for attention in (partial_attention, _written_down):
        first, second = (attention(query, *part(keys)) for keys in (slice(0, 6), slice(6, 11)))
        further, weight = merged(first, second)
        assert_same(first[0] + weight * further, whole)
