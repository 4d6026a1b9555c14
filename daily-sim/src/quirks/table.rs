//! The switches. The first answer of each is the default: the likelier one by the sources.

use super::Switch;
use super::macros::switches;

switches! {
    // Refusals

    /// How a path or a method that the API does not have is refused.
    unknown_path: UnknownPath = "unknown-path", "F-ERR-9",
        [NotFound = "not-found", BadRequest = "bad-request"];
    /// Whether an argument that a call does not know is refused or ignored.
    unknown_argument: UnknownArgument = "unknown-argument", "F-ERR-10",
        [Refused = "refused", Ignored = "ignored"];
    /// Whether a property that the API does not know is refused or ignored.
    unknown_property: UnknownProperty = "unknown-property", "F-ERR-5",
        [Refused = "refused", Ignored = "ignored"];
    /// Whether a value of the wrong JSON type is refused, or ignored as if it had not been sent.
    wrong_type: WrongType = "wrong-type", "F-ERR-11",
        [Refused = "refused", Ignored = "ignored"];
    /// Whether refusals whose text no source gives carry an `info` at all.
    info_texts: InfoTexts = "info-texts", "F-ERR-12",
        [Worded = "worded", Absent = "absent"];
    /// The status for a body that is too large.
    large_body: LargeBody = "large-body", "F-ERR-13",
        [Status413 = "status-413", Status400 = "status-400"];
    /// What a body is taken for whose `Content-Type` does not say JSON.
    content_type: ContentType = "content-type", "F-ERR-17",
        [Any = "any", Ignored = "ignored", Refused = "refused"];
    /// The status with which an account without a card is refused a paid feature.
    paid_feature: PaidFeature = "paid-feature", "F-ERR-14",
        [Status400 = "status-400", Status403 = "status-403"];

    // The account

    /// Whether the accounts have a credit card.
    card: Card = "card", "F-AUTH-8",
        [Present = "present", Missing = "missing"];
    /// Whether an account without a card can switch PIN dial-in on.
    dialin_without_card: DialinWithoutCard = "dialin-without-card", "F-PIN-28",
        [Accepted = "accepted", Refused = "refused"];
    /// How a create beyond the account's number of rooms is refused, if there is such a number.
    room_limit: RoomLimit = "room-limit", "F-ROOM-42",
        [None = "none", BadRequest = "bad-request", Forbidden = "forbidden"];

    // Rate limits

    /// What an answer beyond a rate limit looks like.
    rate_limit: RateLimit = "rate-limit", "F-RATE-4",
        [Plain = "plain", RetryAfter = "retry-after", BadRequest = "bad-request"];
    /// Whether 20 calls in any second are a limit of their own.
    rate_limit_second: RateLimitSecond = "rate-limit-second", "F-RATE-9",
        [Free = "free", TwentyIn1s = "20-in-1s"];
    /// Whether a rate limit is per account, key, route or address.
    rate_limit_scope: RateLimitScope = "rate-limit-scope", "F-RATE-5",
        [Account = "account", Key = "key", KeyAndRoute = "key-and-route", Address = "address"];
    /// Whether a refused call counts towards the limit.
    rate_limit_refused: RateLimitRefused = "rate-limit-refused", "F-RATE-6",
        [Counted = "counted", Free = "free"];
    /// Whether a DELETE of a room counts in the general limit as well.
    rate_limit_delete: RateLimitDelete = "rate-limit-delete", "F-RATE-7",
        [InBoth = "in-both", InItsOwn = "in-its-own"];
    /// Which rate limit applies to batch calls.
    rate_limit_batch: RateLimitBatch = "rate-limit-batch", "F-BATCH-8",
        [General = "general", TenIn30s = "10-in-30s"];

    // Rooms

    /// Whether names that differ only in case are one room.
    name_case: NameCase = "name-case", "F-ROOM-37",
        [Distinct = "distinct", Folded = "folded"];
    /// How a create with an empty name is answered.
    empty_name: EmptyName = "empty-name", "F-ROOM-38",
        [Refused = "refused", Random = "random"];
    /// Whether a name of one character is accepted.
    one_letter_name: OneLetterName = "one-letter-name", "F-ROOM-43",
        [Accepted = "accepted", Refused = "refused"];
    /// What happens to an `exp` with a fraction.
    fractional_exp: FractionalExp = "fractional-exp", "F-ROOM-19",
        [Kept = "kept", Floored = "floored", Refused = "refused"];
    /// Whether an `nbf` in the past is accepted.
    past_nbf: PastNbf = "past-nbf", "F-ROOM-50",
        [Accepted = "accepted", Refused = "refused"];
    /// Whether the addresses of SIP endpoints begin with `sip:`.
    sip_uri: SipUri = "sip-uri", "F-ROOM-46",
        [Bare = "bare", Prefixed = "prefixed"];
    /// Whether an update replaces a nested object or merges it.
    nested_update: NestedUpdate = "nested-update", "F-ROOM-22",
        [Replaces = "replaces", Merges = "merges"];
    /// How an update of a room that does not exist is refused.
    update_missing: UpdateMissing = "update-missing", "F-ROOM-23",
        [NotFound = "not-found", BadRequest = "bad-request"];
    /// How a `limit` outside the bounds of a listing is answered.
    limit_outside: LimitOutside = "limit-outside", "F-ROOM-35",
        [Refused = "refused", Clamped = "clamped"];
    /// How a cursor is answered that names a room which no longer exists.
    gone_cursor: GoneCursor = "gone-cursor", "F-ROOM-36",
        [Refused = "refused", Empty = "empty", Continues = "continues"];
    /// Whether reads come from a replica that lags 2 s behind the writes.
    reads: Reads = "reads", "F-ROOM-41",
        [Fresh = "fresh", Lagging = "lagging"];

    // Rooms after their end

    /// When the collector deletes an expired room.
    collector: Collector = "collector", "F-ROOM-32",
        [Never = "never", OneMinute = "1m", OneHour = "1h"];
    /// How a GET of an expired room is answered before the room is collected.
    get_expired: GetExpired = "get-expired", "F-ROOM-39",
        [NotFound = "not-found", Shown = "shown"];
    /// What an update with a later `exp` does to an expired room.
    update_expired: UpdateExpired = "update-expired", "F-ROOM-40",
        [NotFound = "not-found", Revives = "revives"];
    /// Whether a create can use the name of an expired room before the room is collected.
    create_over_expired: CreateOverExpired = "create-over-expired", "F-ROOM-33",
        [Accepted = "accepted", Clashes = "clashes"];
    /// Whether `total_count` of the rooms counts expired ones.
    total_count: TotalCount = "total-count", "F-ROOM-14",
        [Live = "live", WithExpired = "with-expired"];

    // PIN dial-in

    /// Whether the PIN survives an update of other properties.
    pin_on_update: PinOnUpdate = "pin-on-update", "F-PIN-11",
        [Kept = "kept", Changed = "changed"];
    /// Whether the PIN survives another `exp`.
    pin_on_exp: PinOnExp = "pin-on-exp", "F-PIN-24",
        [Kept = "kept", Changed = "changed"];
    /// Whether the PIN survives an edit of `dialin`.
    pin_on_dialin: PinOnDialin = "pin-on-dialin", "F-PIN-25",
        [Kept = "kept", Changed = "changed"];
    /// Which PIN a room gets if `dialin` was set to null and is set again.
    pin_on_dialin_again: PinOnDialinAgain = "pin-on-dialin-again", "F-PIN-12",
        [Same = "same", New = "new"];
    /// Whether a room without `dialin` shows a PIN.
    pin_without_dialin: PinWithoutDialin = "pin-without-dialin", "F-PIN-29",
        [Hidden = "hidden", Shown = "shown"];
    /// Whether a PIN can begin with 0.
    pin_zero: PinZero = "pin-zero", "F-PIN-6",
        [Possible = "possible", Never = "never"];
    /// How much of `dialin` is shown.
    dialin_shown: DialinShown = "dialin-shown", "F-PIN-9",
        [All = "all", DisplayName = "display-name"];
    /// Whether the listing of rooms shows `dialin_code`.
    listing_dialin_code: ListingDialinCode = "listing-dialin-code", "F-PIN-10",
        [Shown = "shown", Hidden = "hidden"];
    /// When `dialin_number` is shown.
    dialin_number: DialinNumber = "dialin-number", "F-PIN-17",
        [UnlessChosen = "unless-chosen", Always = "always", Never = "never"];
    /// Whether `dialin` is accepted on a room without `exp`.
    dialin_without_exp: DialinWithoutExp = "dialin-without-exp", "F-PIN-8",
        [Refused = "refused", Accepted = "accepted"];
    /// Whether `exp: null` is accepted on a room with `dialin`.
    dialin_exp_cleared: DialinExpCleared = "dialin-exp-cleared", "F-PIN-22",
        [Refused = "refused", Accepted = "accepted"];
    /// Whether `dialin` is accepted with an `exp` 365 days ahead or more.
    dialin_365_days: Dialin365Days = "dialin-365-days", "F-PIN-23",
        [Refused = "refused", Accepted = "accepted"];
    /// Whether `dialin` needs a `display_name`.
    dialin_display_name: DialinDisplayName = "dialin-display-name", "F-PIN-19",
        [Optional = "optional", Required = "required"];
    /// The default of `wait_for_meeting_start`.
    wait_default: WaitDefault = "wait-default", "F-PIN-18",
        [False = "false", True = "true"];
    /// Whether `room_numbers` may name a number of another account.
    foreign_number: ForeignNumber = "foreign-number", "F-PIN-16",
        [Refused = "refused", Accepted = "accepted"];
    /// Whether `room_numbers` may name a purchased number without a PIN dial-in config.
    unassigned_number: UnassignedNumber = "unassigned-number", "F-PIN-26",
        [Accepted = "accepted", Refused = "refused"];
    /// Whether `room_numbers` may name a number without its plus sign.
    number_without_plus: NumberWithoutPlus = "number-without-plus", "F-PIN-27",
        [Accepted = "accepted", Refused = "refused"];

    // Batch calls

    /// How a batch delete answers an unknown name.
    batch_delete_unknown: BatchDeleteUnknown = "batch-delete-unknown", "F-BATCH-5",
        [Refused = "refused", Skipped = "skipped"];
    /// How a batch delete answers the name of an expired room.
    batch_delete_expired: BatchDeleteExpired = "batch-delete-expired", "F-BATCH-6",
        [Refused = "refused", Skipped = "skipped"];
    /// What a batch create does with `dialin`.
    batch_create_dialin: BatchCreateDialin = "batch-create-dialin", "F-BATCH-7",
        [Accepted = "accepted", Refused = "refused", Ignored = "ignored"];
    /// How a batch create answers a name that appears twice.
    batch_create_twice: BatchCreateTwice = "batch-create-twice", "F-BATCH-9",
        [Refused = "refused", Once = "once"];

    // Numbers and their configs

    /// Whether a dial-in config that was created in one way shows in the other.
    configs_seen: ConfigsSeen = "configs-seen", "F-DOM-2",
        [Apart = "apart", Together = "together"];
    /// Whether PUT of a dial-in config merges or replaces.
    config_put: ConfigPut = "config-put", "F-CFG-12",
        [Merges = "merges", Replaces = "replaces"];
    /// Whether reads of dial-in configs come from a replica that lags 2 s behind the writes.
    config_reads: ConfigReads = "config-reads", "F-CFG-17",
        [Fresh = "fresh", Lagging = "lagging"];
    /// What `null` in a dial-in config does.
    config_null: ConfigNull = "config-null", "F-CFG-15",
        [Unset = "unset", Refused = "refused"];
    /// Whether a dial-in config takes an empty text.
    config_empty: ConfigEmpty = "config-empty", "F-CFG-16",
        [Accepted = "accepted", Refused = "refused"];
    /// How the text filters of configs and purchased numbers match.
    filter_match: FilterMatch = "filter-match", "F-CFG-8",
        [Part = "part", Whole = "whole"];
    /// What `total_count` counts in a filtered listing.
    filtered_count: FilteredCount = "filtered-count", "F-NUM-6",
        [All = "all", Matching = "matching"];
    /// In which order purchased numbers are listed.
    number_order: NumberOrder = "number-order", "F-NUM-4",
        [NewestFirst = "newest-first", EarliestFirst = "earliest-first"];
    /// Whether a released number stays in the list of purchased numbers, marked as deleted.
    released_number: ReleasedNumber = "released-number", "F-NUM-18",
        [Gone = "gone", Marked = "marked"];
    /// What becomes of the dial-in config of a number that is released.
    released_config: ReleasedConfig = "released-config", "F-NUM-19",
        [Deleted = "deleted", Kept = "kept"];
    /// Which global numbers take the PINs of an account.
    global_numbers: GlobalNumbers = "global-numbers", "F-GLOB-5",
        [All = "all", UsAndCanada = "us-and-canada"];
    /// Which of two documents the answers about phone numbers follow.
    number_shapes: NumberShapes = "number-shapes", "F-NUM-7",
        [Reference = "reference", Guide = "guide"];

    // Calls and presence

    /// How many attempts a caller has for the PIN.
    pin_tries: PinTries = "pin-tries", "F-CALL-5",
        [One = "one", Three = "three"];
    /// Whether a `#` after the PIN is understood.
    pin_hash: PinHash = "pin-hash", "F-PIN-21",
        [Refused = "refused", EndsPin = "ends-pin"];
    /// What happens to the sixth caller.
    sixth_caller: SixthCaller = "sixth-caller", "F-CALL-7",
        [Told = "told", Dropped = "dropped"];
    /// Whether a caller on hold counts as present.
    hold_presence: HoldPresence = "hold-presence", "F-CALL-9",
        [Absent = "absent", Present = "present"];
    /// Whether `nbf` applies to callers.
    nbf_for_callers: NbfForCallers = "nbf-for-callers", "F-CALL-10",
        [Holds = "holds", Ignored = "ignored"];
    /// Which purchased numbers take the PIN of a room that has `room_numbers`.
    numbers_of_pin: NumbersOfPin = "numbers-of-pin", "F-CALL-11",
        [Any = "any", Listed = "listed"];
    /// What happens to callers when the last participant leaves.
    callers_alone: CallersAlone = "callers-alone", "F-CALL-14",
        [Stay = "stay", Dropped = "dropped"];
    /// Whether a private room admits callers.
    private_callers: PrivateCallers = "private-callers", "F-CALL-15",
        [Admitted = "admitted", Refused = "refused"];
    /// How presence is answered for a room that does not exist.
    presence_missing: PresenceMissing = "presence-missing", "F-PRES-4",
        [NotFound = "not-found", Empty = "empty"];
    /// What eject answers for an empty room.
    eject_nobody: EjectNobody = "eject-nobody", "F-PRES-9",
        [EmptyList = "empty-list", NotFound = "not-found"];
}
