"""Units beside numbers in cells: currencies, units of measurement, and scale suffixes such as k and M. Pure."""

_SIGNS = """
$ USD, US$ USD, € EUR, £ GBP, ¥ JPY, ₹ INR, Rs INR, Rs. INR, ₩ KRW, ₽ RUB, ₺ TRY, ₫ VND, ₪ ILS, ₴ UAH, zł PLN, Kč CZK,
Ft HUF, R$ BRL, C$ CAD, CA$ CAD, A$ AUD, AU$ AUD, NZ$ NZD, HK$ HKD, S$ SGD, Fr. CHF, kr kr, kr. kr
"""
_CODES = """
USD EUR GBP JPY CHF CAD AUD NZD CNY RMB HKD SGD SEK NOK DKK ISK PLN CZK HUF RON BGN TRY RUB UAH INR PKR KRW THB IDR MYR
PHP VND TWD ILS AED SAR ZAR EGP NGN KES BRL MXN ARS CLP COP PEN
"""
CURRENCIES: dict[str, str] = {
    **dict(pair.split(maxsplit=1) for pair in _SIGNS.replace("\n", " ").split(", ")),
    **{code: code for code in _CODES.split()},
}
"""Currency sign or code -> currency, in most cases its ISO 4217 code."""

_LETTERS = {1e3: "k K", 1e5: "lakh", 1e6: "M mn Mn mio Mio Mio.", 1e7: "crore", 1e9: "B bn Bn Mrd Mrd."}
SCALES = {letters: factor for factor, some in _LETTERS.items() for letters in some.split()}
"""Scale suffix of a number -> factor."""

FAMILIES: tuple[dict[str, float], ...] = (
    {"mg": 1e-3, "g": 1.0, "kg": 1e3, "t": 1e6},
    {"mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3},
    {"ml": 1e-3, "mL": 1e-3, "cl": 1e-2, "l": 1.0, "L": 1.0},
    {"B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12},
    {"B": 1.0, "bytes": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12},
    {"W": 1.0, "kW": 1e3, "MW": 1e6, "GW": 1e9},
    {"Wh": 1.0, "kWh": 1e3, "MWh": 1e6},
    {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
    {"V": 1.0, "mV": 1e-3, "kV": 1e3},
    {"Pa": 1.0, "hPa": 1e2, "kPa": 1e3},
    {"%": 1.0, "‰": 0.1},
)
"""Units of one quantity -> factor to a common unit, for columns with several of them."""

_MEASURES = (
    "° °C °F mph km/h kmh m/s kn lb lbs oz ft in mi yd kcal cal kJ J A mA bhp hp PS kmpl km/kg km/l l/100km px pt "
    "ppm mmHg bar psi x pp bps dB m² m2 m³ m3 km² km2 sqm sqft cm² cm³ cc CC mi. lb. oz. ft."
)
OTHERS = frozenset(_MEASURES.split())
ATTACHED = frozenset({*CURRENCIES, *SCALES, *OTHERS, *(unit for family in FAMILIES for unit in family)}) - {"G", "T"}
"""Units that may follow a number without a space. Other letters are ambiguous: 12A may be a code."""


def factors(before: set[str], behind: set[str]) -> dict[str, float] | None:
    """Derives a factor for each unit of a column.

    Args:
      before: Units before the numbers.
      behind: Units after the numbers.

    Returns:
      Unit -> factor of a number beside it. None if the units have no common quantity, such as dollars and euros.
    """
    units = before | behind
    money = {unit for unit in units if unit in CURRENCIES}
    if len({CURRENCIES[unit] for unit in money}) > 1 or not before <= money:
        return None
    rest = units - money
    if rest == {"B"} and not money:
        return {"B": 1.0}  # bytes or billions: undecidable, and the same factor applies to every value
    if rest <= SCALES.keys():
        return dict.fromkeys(money, 1.0) | {unit: SCALES[unit] for unit in rest}
    if money:
        return None
    if len(rest) == 1:
        return dict.fromkeys(rest, 1.0)
    for family in FAMILIES:
        if rest <= family.keys():
            return {unit: family[unit] for unit in rest}
    if rest & (SCALES.keys() | {unit for family in FAMILIES for unit in family}):
        return None  # similar spelling, different meaning: mW and MW, m and ms
    alike = {unit.casefold().rstrip(".").removesuffix("s") for unit in rest}  # year and years
    return dict.fromkeys(rest, 1.0) if len(alike) == 1 and len(min(rest, key=len)) > 2 else None
