"""A frozen mapping that gains entries cheaply: many small steps over a large past, without copying the past at each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class LayeredMap(Generic[K, V]):
    """Entries in layers, oldest and largest first; a key's value is that of its newest layer.

    `adding` merges layers of similar size, as a binary counter carries, so that n additions copy each entry about log2(n) times
    and leave about log2(n) layers to look through. Earlier values stay valid and share their layers with later ones. There is no
    removal: whoever forgets builds a new map from what is kept.
    """

    layers: tuple[Mapping[K, V], ...] = ()

    def adding(self, key: K, value: V) -> "LayeredMap[K, V]":
        """Give a map in which `key` has `value`, in place of an earlier one."""
        layers = list(self.layers)
        newest: Mapping[K, V] = {key: value}
        while layers and len(layers[-1]) <= len(newest):
            newest = {**layers.pop(), **newest}
        return LayeredMap((*layers, newest))

    def get(self, key: K) -> V | None:
        """Give the value of `key`, None where there is none."""
        for layer in reversed(self.layers):
            if key in layer:
                return layer[key]
        return None

    def items(self) -> Iterator[tuple[K, V]]:
        """Give each key once with its present value, in no promised order."""
        seen: set[K] = set()
        for layer in reversed(self.layers):
            for key, value in layer.items():
                if key not in seen:
                    seen.add(key)
                    yield key, value
