"""Masks as blobs: a ledger and whoever reads it has their ids, and only the painter their weights."""

from __future__ import annotations

import json
import zlib
from collections.abc import Awaitable, Callable

from .layout import Layout, Region
from .ports import Store


async def packed(layout: Layout, store: Store) -> Layout:
    """The layout with every mask kept in the store, and its id in its place. Raises NotFound for an id of none."""

    async def pack(region: Region) -> Region:
        if region.mask is None:
            if region.mask_id:
                await store.get_mask(region.mask_id)
            return region
        data = zlib.compress(json.dumps(region.mask, separators=(",", ":")).encode())
        return region.model_copy(update={"mask": None, "mask_id": await store.put_mask(data)})

    return await _changed(layout, pack)


async def unpacked(layout: Layout, store: Store) -> Layout:
    """The layout with its masks' weights. Raises NotFound if one is missing."""

    async def unpack(region: Region) -> Region:
        if not region.mask_id:
            return region
        weights = json.loads(zlib.decompress(await store.get_mask(region.mask_id)))
        return region.model_copy(update={"mask": weights, "mask_id": ""})

    return await _changed(layout, unpack)


async def _changed(layout: Layout, change: Callable[[Region], Awaitable[Region]]) -> Layout:
    """The layout itself if no region changes."""

    async def each(regions: list[Region]) -> list[Region]:
        found = []
        for region in regions:
            new = await change(region)
            parts = await each(region.parts)
            found.append(new if parts == region.parts else new.model_copy(update={"parts": parts}))
        return found

    regions = await each(layout.regions)
    same = all(new is old for new, old in zip(regions, layout.regions, strict=True))
    return layout if same else layout.model_copy(update={"regions": regions})
