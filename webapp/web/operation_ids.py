"""Short names of the API's operations, from which generators of clients make the names of functions.

A name is the verb of the method and the words of the path, as in `getJob`, or is in the table.
"""

from typing import Final

from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler
from litestar.types import Method
from litestar.types.internal_types import PathParameterDefinition

NAMES: Final = {
    "POST /generate": "generate",
    "POST /api/jobs/{job_id}/retry": "retryJob",
    "GET /api/jobs": "listJobs",
    "POST /api/queue/{job_id}/cancel": "cancelJob",
    "POST /api/queue/{job_id}/skip": "skipJob",
    "POST /api/queue/{job_id}/stop": "stopJob",
    "GET /api/queue/events": "followQueue",
    "GET /job/{job_id}/events": "followJob",
    "GET /job/{job_id}/stream": "streamJob",
    "GET /api/queue/skip-pricing": "getSkipPricing",
    "POST /api/auth/register": "register",
    "POST /api/auth/token": "createToken",
    "GET /api/auth/tokens": "listTokens",
    "DELETE /api/auth/tokens/{token_id}": "revokeToken",
    "GET /api/me": "getMe",
    "GET /api/library": "listSounds",
    "GET /api/library/counts": "countSounds",
    "GET /api/library/export": "exportSounds",
    "GET /api/library/{sound_id}": "getSound",
    "PATCH /api/library/{sound_id}": "changeSound",
    "DELETE /api/library/{sound_id}": "deleteSound",
    "POST /api/library/{sound_id}/vote": "vote",
    "GET /api/my-generations": "listOwnSounds",
    "GET /api/favorites": "listFavorites",
    "POST /api/favorites/{sound_id}": "addFavorite",
    "DELETE /api/favorites/{sound_id}": "removeFavorite",
    "POST /api/track/{sound_id}/play": "countPlay",
    "POST /api/track/{sound_id}/download": "countDownload",
    "POST /api/uploads": "upload",
    "DELETE /api/uploads/{upload_id}": "deleteUpload",
    "GET /api/models": "listModels",
    "GET /api/radio/shuffle": "shuffleSounds",
    "GET /api/playlists": "listPlaylists",
    "POST /api/playlists": "createPlaylist",
    "PUT /api/playlists/{playlist_id}": "changePlaylist",
    "POST /api/playlists/{playlist_id}/tracks": "addTrack",
    "DELETE /api/playlists/{playlist_id}/tracks": "removeTrack",
    "DELETE /api/playlists/{playlist_id}/tracks/{sound_id}": "removeTrackById",
    "PUT /api/playlists/{playlist_id}/reorder": "reorderPlaylist",
    "GET /api/moderation/sounds": "listModeratedSounds",
    "POST /api/moderation/sounds/{sound_id}/hide": "hideSound",
    "POST /api/moderation/sounds/{sound_id}/restore": "restoreSound",
    "PUT /api/moderation/sounds/{sound_id}/note": "noteSound",
    "GET /api/voices": "listVoices",
    "POST /api/tts/generate": "speak",
    "POST /api/tts/stream": "streamSpeech",
    "POST /api/tts/requests": "requestSpeech",
    "GET /api/tts/requests/{request_id}": "getSpeechRequest",
    "DELETE /api/tts/requests/{request_id}": "cancelSpeech",
    "GET /api/tts/sample/{voice}": "getVoiceSample",
    "HEAD /api/tts/sample/{voice}": "headVoiceSample",
    "POST /v1/audio/speech": "openaiSpeak",
    "GET /v1/models": "openaiListModels",
    "GET /v1/models/{model}": "openaiGetModel",
    "POST /v1/sound-generation": "elevenlabsMakeSound",
    "POST /v1/music": "elevenlabsMakeMusic",
    "POST /v1/music/stream": "elevenlabsStreamMusic",
    "POST /v1/text-to-speech/{voice_id}": "elevenlabsSpeak",
    "POST /v1/text-to-speech/{voice_id}/stream": "elevenlabsStreamSpeech",
    "GET /v1/voices": "elevenlabsListVoices",
    "GET /v1/voices/{voice_id}": "elevenlabsGetVoice",
    "GET /v2/voices": "elevenlabsSearchVoices",
}
_VERBS: Final = {"PATCH": "change"}
_LEFT_OUT: Final = frozenset({"api"})


def operation_id(
    _handler: HTTPRouteHandler, method: Method, components: list[str | PathParameterDefinition]
) -> str:
    """Return the name of an operation, in camel case."""
    path = "".join(f"/{{{one.name}}}" if not isinstance(one, str) else f"/{one}" for one in components)
    verb = HttpMethod(method).value
    if name := NAMES.get(f"{verb} {path}"):
        return name
    words = [
        word
        for one in components
        if isinstance(one, str) and one not in _LEFT_OUT
        for word in one.replace("_", "-").split("-")
    ]
    return _VERBS.get(verb, verb.lower()) + "".join(word.capitalize() for word in words)
