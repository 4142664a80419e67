"""The cast of the sandbox: who sells what, and who buys."""

from __future__ import annotations

from typing import Final

import msgspec


class Shop(msgspec.Struct, frozen=True):
    """A merchant's name, its platform fee in basis points, and its goods with prices from and to (minor units).

    `large` are goods that customers pay in instalments. `category` is its merchant category code (ISO 18245).
    """

    name: str
    fee_bps: int
    goods: tuple[tuple[str, int, int], ...]
    large: tuple[tuple[str, int, int], ...] = ()
    category: str = ""


SHOPS: Final = (
    Shop(
        "川流茶铺",
        38,
        (("明前龙井 50g", 68_00, 188_00), ("茉莉花茶", 12_00, 36_00), ("一壶普洱", 28_00, 88_00)),
        (("紫砂壶", 620_00, 990_00), ("红木茶盘", 700_00, 980_00)),
        "5499",
    ),
    Shop(
        "河畔书店",
        60,
        (("《水经注》", 45_00, 98_00), ("旧书两本", 20_00, 60_00), ("信纸与信封", 8_00, 25_00)),
        (("四库提要全套", 600_00, 960_00),),
        "5942",
    ),
    Shop(
        "清晨豆浆",
        38,
        (("豆浆油条", 4_00, 9_00), ("小笼包一屉", 10_00, 18_00), ("粢饭团", 6_00, 9_90)),
        category="5814",
    ),
    Shop("渡口便利", 55, (("矿泉水", 1_50, 3_00), ("关东煮", 6_00, 22_00), ("雨伞", 19_90, 39_90)), category="5411"),
    Shop(
        "南山花店",
        60,
        (("向日葵一束", 39_00, 79_00), ("满天星", 19_90, 49_90), ("桌面绿植", 15_00, 59_00)),
        (("婚礼花艺", 640_00, 990_00),),
        "5992",
    ),
)
"""The first is the merchant whose credentials the start page shows."""

BUYERS: Final = ("林晓月", "陈一舟", "周清源", "沈若溪", "江远帆", "何青川", "苏小满", "程知夏")
"""The first buyer's wallet pays for snippets; the first four are shown."""

BALANCE_MINOR: Final = 10_000_00
