"""The commands and their arguments. `command` names the function that carries one out."""

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, BooleanOptionalAction, _SubParsersAction
from typing import TypeAlias

from webapp import __version__
from webapp.policy.generation import MODELS
from webapp.policy.worker_ids import WORKER_ID_RULE, is_worker_id

TOKEN_DAYS = 365

Commands: TypeAlias = "_SubParsersAction[ArgumentParser]"


def build_parser() -> ArgumentParser:
    """The parser of the whole command line."""
    parser = ArgumentParser(
        prog="soundloom",
        description="Self-hosted text-to-audio server.",
        epilog="Settings are environment variables that begin with SOUNDLOOM_; see docs/configuration.md.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"soundloom {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_processes(commands)
    _add_user(commands)
    _add_token(commands)
    _add_aura(commands)
    _add_generate(commands)
    _add_backup(commands)
    _add_models(commands)
    _add_voices(commands)
    return parser


def _command(commands: Commands, name: str, command: str, summary: str) -> ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    parser.set_defaults(command=command)
    return parser


def _group(commands: Commands, name: str, summary: str) -> Commands:
    parser = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
    return parser.add_subparsers(required=True, metavar="COMMAND")


def _add_processes(commands: Commands) -> None:
    _command(commands, "serve", "serve:serve", "run the web server and its local workers")
    worker = _command(commands, "worker", "worker:work", "run one worker by itself")
    worker.add_argument("--device", metavar="D", help="device for models, instead of SOUNDLOOM_DEVICE")
    worker.add_argument(
        "--models", metavar="M,…", type=_models, default=MODELS, help="take only jobs for these models"
    )
    speech = _command(commands, "speech-worker", "speech_worker:work", "run one speech worker by itself")
    for process in (worker, speech):
        process.add_argument(
            "--worker-id", metavar="ID", type=_worker_id, help="name of this worker, instead of one made up"
        )
        process.add_argument(
            "--exit-with-parent",
            action="store_true",
            help="stop when standard input ends, as it does when the process that started this one is gone",
        )


def _add_user(commands: Commands) -> None:
    users = _group(commands, "user", "make and change accounts")
    create = _command(users, "create", "users:create", "make an account")
    create.add_argument("name", metavar="NAME")
    create.add_argument("--tier", metavar="T", default="free", help="free, supporter, premium or creator")
    create.add_argument("--aura", metavar="N", type=int, default=0, help="Aura to begin with")
    create.add_argument("--admin", action="store_true", help="make it an admin")
    _add_password(create)

    _command(users, "list", "users:show", "list the accounts")

    change = _command(users, "set", "users:change", "change an account's tier or rights")
    change.add_argument("name", metavar="NAME")
    change.add_argument("--tier", metavar="T", help="free, supporter, premium or creator")
    change.add_argument(
        "--admin", action=BooleanOptionalAction, default=None, help="make it an admin, or not"
    )

    passwd = _command(users, "passwd", "users:set_password", "set an account's password and end its sessions")
    passwd.add_argument("name", metavar="NAME")
    _add_password(passwd)

    disable = _command(users, "disable", "users:disable", "shut an account out; what it made stays")
    disable.add_argument("name", metavar="NAME")
    enable = _command(users, "enable", "users:enable", "let a disabled account in again")
    enable.add_argument("name", metavar="NAME")

    delete = _command(users, "delete", "users:delete", "delete an account with everything it made")
    delete.add_argument("name", metavar="NAME")
    delete.add_argument("--yes", action="store_true", help="do not ask, even at a terminal")


def _add_token(commands: Commands) -> None:
    tokens = _group(commands, "token", "make tokens for the API")
    create = _command(tokens, "create", "tokens:create", "print a new token for an account")
    create.add_argument("name", metavar="NAME")
    create.add_argument("--label", metavar="L", help="what the token is for")
    create.add_argument(
        "--days",
        metavar="N",
        type=int,
        default=TOKEN_DAYS,
        help=f"days it lasts (default {TOKEN_DAYS}); 0 for ever",
    )


def _add_aura(commands: Commands) -> None:
    aura = _group(commands, "aura", "give and take Aura")
    grant = _command(aura, "grant", "aura:grant", "give an account Aura; a negative N takes some away")
    grant.add_argument("name", metavar="NAME")
    grant.add_argument("amount", metavar="N", type=int)
    grant.add_argument("--reason", metavar="TEXT", required=True, help="why; its owner sees it")


def _add_generate(commands: Commands) -> None:
    generate = _command(
        commands, "generate", "generate:generate", "make a sound here and now, without a server"
    )
    generate.add_argument("prompt", metavar="PROMPT")
    purpose = generate.add_mutually_exclusive_group(required=True)
    purpose.add_argument(
        "-o", "--output", metavar="FILE", default="", help="file to write: .wav, .flac, .ogg or .mp3"
    )
    purpose.add_argument(
        "--explain", action="store_true", help="print how the engine reads the prompt, and make no sound"
    )
    generate.add_argument("--duration", metavar="S", type=float, help="seconds (default 8)")
    generate.add_argument("--model", metavar="M", help="music, audio or magnet (default music)")
    generate.add_argument("--seed", metavar="N", type=int, help="repeat a sound that had this seed")
    generate.add_argument(
        "--melody-from", metavar="FILE", default="", help="hummed or played line whose melody to follow"
    )
    generate.add_argument("--loopable", action="store_true", help="make its end run on into its start")
    generate.add_argument(
        "--takes", metavar="N", type=int, help="make 1 to 8 of them, in files FILE-1, FILE-2 and so on"
    )
    generate.add_argument(
        "--continue-from",
        metavar="FILE|ID",
        help="keep this sound and go on from its end; with --server, the id of one that is there; see --from",
    )
    generate.add_argument(
        "--server", metavar="URL", default="", help="have a server make it; needs --token-stdin"
    )
    generate.add_argument(
        "--token-stdin",
        action="store_true",
        help="read the token for the server from standard input",
    )
    generate.add_argument(
        "--from", dest="from_s", metavar="S", type=float, help="go on from this second instead of the end"
    )


def _add_models(commands: Commands) -> None:
    models = _group(commands, "models", "fetch, list and delete models' weights")
    _command(models, "list", "models:show", "list the published models, and what of them is there")
    setup = _command(models, "setup", "neural:install", "install torch and AudioCraft, which the models need")
    setup.add_argument("--torch", metavar="SPEC", default="", help="the build of torch to install")
    check = _command(
        models, "check", "model_check:check", "tell whether a model will load, without loading it"
    )
    check.add_argument("name", metavar="NAME|FOLDER")
    pull = _command(models, "pull", "models:pull", "fetch models with their codecs and text encoders")
    pull.add_argument("names", metavar="NAME", nargs="+")
    pull.add_argument(
        "--accept-licence", action="store_true", help="accept the licence of the weights without being asked"
    )
    pull.add_argument(
        "--from", dest="source", metavar="SOURCE", help="address or folder, instead of SOUNDLOOM_MODELS_URL"
    )
    remove = _command(models, "remove", "models:take_away", "delete models; parts that others need stay")
    remove.add_argument("names", metavar="NAME", nargs="+")
    remove.add_argument("--yes", action="store_true", help="do not ask, even at a terminal")
    # How a worker runs these.
    for parser in (pull, remove):
        parser.add_argument("--report", choices=("text", "json"), default="text", help=SUPPRESS)
    pull.add_argument("--accepted-by", default="", help=SUPPRESS)
    pull.add_argument("--exit-with-parent", action="store_true", help=SUPPRESS)


def _add_voices(commands: Commands) -> None:
    voices = _group(commands, "voices", "fetch, list and delete voices for speech")
    _command(voices, "list", "voices:show", "list the voices that there are on this machine")
    pull = _command(
        voices, "pull", "voices:pull", "fetch voices: hibari-emma, kokoro-af_heart, en_US-ljspeech-medium, …"
    )
    pull.add_argument("names", metavar="NAME", nargs="+")
    pull.add_argument(
        "--accept-licence", action="store_true", help="accept the licence of the voice without being asked"
    )
    pull.add_argument(
        "--from", dest="source", metavar="SOURCE", help="address or folder, instead of SOUNDLOOM_MODELS_URL"
    )
    remove = _command(voices, "remove", "voices:take_away", "delete voices that were fetched")
    remove.add_argument("names", metavar="NAME", nargs="+")


def _add_backup(commands: Commands) -> None:
    backup = _command(
        commands, "backup", "backup:make", "write everything into a folder; the server may go on meanwhile"
    )
    backup.add_argument("folder", metavar="DIR", help="a new or empty folder")
    restore = _command(commands, "restore", "backup:put_back", "put back what a backup holds")
    restore.add_argument("folder", metavar="DIR", help="a folder that `soundloom backup` wrote")
    restore.add_argument("--replace", action="store_true", help="give up what is there now")
    for parser in (backup, restore):
        parser.add_argument(
            "--allow-missing", action="store_true", help="go on where sounds have lost files, and name them"
        )
    bring_in = _command(
        commands, "import", "importing:bring_in", "take in sounds that were exported elsewhere"
    )
    bring_in.add_argument("path", metavar="PATH", help="the zip, or the folder it was unpacked to")
    bring_in.add_argument("--owner", metavar="NAME", required=True, help="the account they will belong to")
    bring_in.add_argument("--publish", action="store_true", help="publish those that were published there")


def _add_password(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--password-stdin",
        action="store_true",
        help="read the password from the first line of standard input instead of asking for it",
    )


def _models(text: str) -> tuple[str, ...]:
    named = tuple(text.split(","))
    if unknown := [name for name in named if name not in MODELS]:
        raise ArgumentTypeError(f"there is no model {unknown[0]!r}; there are {', '.join(MODELS)}")
    return named


def _worker_id(text: str) -> str:
    if not is_worker_id(text):
        raise ArgumentTypeError(f"it must be {WORKER_ID_RULE}")
    return text
