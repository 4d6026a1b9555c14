//! Turns the list of switches into types: an enum a switch, and one struct that holds an answer of each.

/// Takes switches as `/// about` `field: Type = "name", "fact", [Answer = "word", ...];`.
macro_rules! switches {
    ($(
        $(#[doc = $about:literal])+
        $field:ident: $kind:ident = $name:literal, $fact:literal,
            [$first:ident = $default:literal $(, $other:ident = $word:literal)+];
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
            pub(crate) enum $kind {
                #[default]
                $first,
                $($other),+
            }

            impl $kind {
                fn word(self) -> &'static str {
                    match self {
                        Self::$first => $default,
                        $(Self::$other => $word),+
                    }
                }

                fn read(word: &str) -> Option<Self> {
                    match word {
                        $default => Some(Self::$first),
                        $($word => Some(Self::$other),)+
                        _ => None,
                    }
                }
            }
        )+

        /// One answer to each of the [`SWITCHES`].
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Quirks {
            $($(#[doc = $about])+ pub(crate) $field: $kind,)+
        }

        /// Every point on which no source says how Daily answers.
        pub const SWITCHES: &[Switch] = &[
            $(Switch {
                name: $name,
                fact: $fact,
                about: concat!($($about),+).trim_ascii(),
                values: &[$default $(, $word)+],
            }),+
        ];

        impl Quirks {
            /// The answer of a switch; none when there is no switch of this name.
            pub fn get(&self, name: &str) -> Option<&'static str> {
                match name {
                    $($name => Some(self.$field.word()),)+
                    _ => None,
                }
            }

            /// Sets a switch, and says whether it has that answer.
            pub(super) fn put(&mut self, name: &str, value: &str) -> bool {
                match name {
                    $($name => $kind::read(value).map(|value| self.$field = value).is_some(),)+
                    _ => false,
                }
            }
        }
    };
}

pub(super) use switches;
