"""Drives a simulated Daily with the client that pipecat has for the real one.

The client was written by others, so it knows nothing of what this project takes Daily for.
Needs DAILY_API_URL and DAILY_API_KEY. Prints a line for each thing that holds; stops at the first
that does not.
"""

import asyncio
import os
import time

import aiohttp
from pipecat.transports.daily.utils import (
    DailyMeetingTokenParams,
    DailyMeetingTokenProperties,
    DailyRESTHelper,
    DailyRoomParams,
    DailyRoomProperties,
    DailyRoomSipParams,
)


def holds(what, condition, found=None):
    if not condition:
        raise SystemExit(f"does not hold: {what}; found {found!r}")
    print(f"         {what}")


async def refused(what, status, call):
    try:
        found = await call
    except Exception as error:  # The client raises nothing more precise.
        holds(what, f"status: {status}" in str(error), str(error))
        return str(error)
    raise SystemExit(f"does not hold: {what}; it was answered {found!r}")


async def rooms(daily):
    exp = time.time() + 600.5
    sip = DailyRoomSipParams(display_name="pipecat", video=False, num_endpoints=1)
    properties = DailyRoomProperties(
        exp=exp,
        enable_prejoin_ui=False,
        eject_at_room_exp=True,
        sip=sip,
        dialin={"display_name": "Phone", "wait_for_meeting_start": True},
    )
    made = await daily.create_room(DailyRoomParams(name="pipecat-1", properties=properties))
    holds("a room is made under its name", made.name == "pipecat-1", made.name)
    holds("its url ends with the name", made.url == "https://pipecat.daily.co/pipecat-1", made.url)
    holds("an exp with a fraction is taken", int(made.config.exp) == int(exp), made.config.exp)
    holds("eject_at_room_exp is shown", made.config.eject_at_room_exp is True)
    holds("the room is public", made.privacy == "public" and made.api_created)
    # The client lets through what it does not know: the PIN is in none of its fields.
    pin = made.config.model_extra.get("dialin_code")
    holds("it has a PIN of 11 digits", pin is not None and len(pin) == 11 and pin.isdigit(), pin)
    seen = await daily.get_room_from_url(made.url)
    holds("it is found by its url", seen == made, seen)
    return made


async def other_rooms(daily):
    nameless = await daily.create_room(DailyRoomParams(privacy="private"))
    holds("a room without a name gets one", len(nameless.name) == 20, nameless.name)
    holds("a private room is private", nameless.privacy == "private", nameless.privacy)
    holds("a room without dial-in has no PIN", "dialin_code" not in nameless.config.model_extra)
    holds("it is deleted by its name", await daily.delete_room_by_name(nameless.name))


async def tokens(daily, room):
    token = await daily.get_token(room.url, expiry_time=300, eject_at_token_exp=True)
    holds("a token has three parts", len(token.split(".")) == 3, token)
    named = DailyMeetingTokenParams(properties=DailyMeetingTokenProperties(user_name="Ada"))
    token = await daily.get_token(room.url, owner=False, params=named)
    holds("a token takes more properties", len(token.split(".")) == 3, token)
    missing = "https://pipecat.daily.co/no-such-room"
    told = await refused("no token for a missing room", 400, daily.get_token(missing))
    holds("it is told why", "room not found" in told, told)


async def refusals(daily, room):
    again = DailyRoomParams(name=room.name)
    told = await refused("a name that exists is refused", 400, daily.create_room(again))
    holds("it is told why", "already exists" in told, told)
    past = DailyRoomParams(properties=DailyRoomProperties(exp=time.time() - 10))
    await refused("an exp in the past is refused", 400, daily.create_room(past))
    blank = DailyRoomParams(name="a b")
    await refused("a name with a blank is refused", 400, daily.create_room(blank))


async def end(daily, room, session):
    holds("it is deleted by its url", await daily.delete_room_by_url(room.url))
    # The client takes a 404 for done.
    holds("deleting it again is no error", await daily.delete_room_by_url(room.url))
    try:
        found = await daily.get_room_from_url(room.url)
    except Exception as error:
        holds("a deleted room is not found", "not found" in str(error), str(error))
    else:
        raise SystemExit(f"a deleted room is still there: {found!r}")
    stranger = DailyRESTHelper(
        daily_api_key="no-such-key", daily_api_url=daily.daily_api_url, aiohttp_session=session
    )
    await refused("an unknown key is refused", 401, stranger.create_room(DailyRoomParams()))


async def main():
    async with aiohttp.ClientSession() as session:
        daily = DailyRESTHelper(
            daily_api_key=os.environ["DAILY_API_KEY"],
            daily_api_url=os.environ["DAILY_API_URL"],
            aiohttp_session=session,
        )
        room = await rooms(daily)
        await other_rooms(daily)
        await tokens(daily, room)
        await refusals(daily, room)
        await end(daily, room, session)


asyncio.run(main())
