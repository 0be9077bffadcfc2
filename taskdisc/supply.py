"""What plugins supply by name: which plugin's is meant where two have one name, and who is to blame if it breaks."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from taskdisc.errors import PluginError, TaskdiscError, closest

KINDS = ("executors", "stores", "codecs", "launchers", "injectables", "remotes")


class Override:
    """A factory that takes the place of one of the same name from a plugin that was registered before."""

    __slots__ = ("factory",)

    def __init__(self, factory: Any) -> None:
        self.factory = factory


class Supply(NamedTuple):
    """One thing that a plugin supplies."""

    name: str
    factory: Any
    owner: str
    """Name of the plugin."""
    replaces: str = ""
    """Name of the plugin whose supply of this name it stands for."""
    clashes: bool = False
    """Whether it does so without saying that it is to."""


def listed(given: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Supply]:
    """Return all that the plugins give, (plugin, factories by name), in the order of their registration."""
    found: list[Supply] = []
    owners: dict[str, str] = {}
    for owner, factories in given:
        for name, factory in factories.items():
            meant = type(factory) is Override
            before = owners.get(name, "")
            plain = factory.factory if meant else factory
            found.append(Supply(name, plain, owner, before, bool(before) and not meant))
            owners[name] = owner
    return found


def chosen(kind: str, supplies: Iterable[Supply]) -> dict[str, Supply]:
    """Return what is meant by each name. Raises PluginError for two of one name."""
    found: dict[str, Supply] = {}
    for supply in supplies:
        if supply.clashes:
            raise PluginError(clash(kind, supply))
        found[supply.name] = supply
    return found


def clash(kind: str, supply: Supply) -> str:
    """Say that two plugins supply things of one kind and name."""
    return (
        f"{kind[:-1]} {supply.name!r} is supplied by {supply.replaces} and by {supply.owner}. "
        f"Leave one out, --plugin no:{supply.owner}, or have {supply.owner} say override(...) that it is meant."
    )


def find(kind: str, name: str, known: Mapping[str, Supply]) -> Supply:
    """Return the thing of this name. Raises PluginError where there is none."""
    if name in known:
        return known[name]
    near = closest(name, list(known))
    meant = f"Did you mean {near}?" if near else f"There are {', '.join(sorted(known))}."
    raise PluginError(f"no plugin supplies the {kind[:-1]} {name!r}. {meant}")


def make(kind: str, supply: Supply, arguments: Mapping[str, Any]) -> Any:
    """Make the thing. Raises PluginError that names the plugin where its factory fails."""
    try:
        return supply.factory(**arguments)
    except TaskdiscError:
        raise
    except Exception as error:
        raise PluginError(
            f"plugin {supply.owner}: the {kind[:-1]} {supply.name!r} cannot be made: {type(error).__name__}: {error}"
        ) from error
