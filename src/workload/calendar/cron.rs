//! Cron expressions: which days, and which minutes of them.

use jiff::civil::{Date, Weekday};

/// The years that an expression can name, as Amazon EventBridge has them.
const YEARS: (u32, u32) = (1970, 2199);

/// A cron expression: the five fields of Unix (crontab(5): minute, hour, day of the month, month, day of the week), or the six
/// of Amazon EventBridge (the same and the year, with `?`, `L`, `W` and `#`).
#[derive(Clone, Debug, PartialEq)]
pub struct Cron {
    /// Bit `n`: minute `n`.
    minutes: u64,
    hours: u32,
    months: u16,
    month_days: MonthDays,
    week_days: WeekDays,
    /// Whether a day fits that fits one of the two, as where both are restricted in crontab(5); else it must fit both.
    is_either: bool,
    /// The years; empty: all.
    years: Vec<u16>,
}

/// Days of the month.
#[derive(Clone, Debug, Default, PartialEq)]
struct MonthDays {
    /// Bit `n`: day `n`.
    listed: u32,
    /// The last day.
    last: bool,
    /// Bit `n`: the weekday (Monday to Friday) of the same month that is nearest to day `n`.
    nearest: u32,
}

/// Days of the week, Sunday being 0.
#[derive(Clone, Debug, Default, PartialEq)]
struct WeekDays {
    /// Bit `n`: day `n`.
    listed: u8,
    /// Of each day, bit `n`: the `n`-th of the month.
    nth: [u8; 7],
    /// Bit `n`: the last day `n` of the month.
    last: u8,
}

/// What a field may hold.
struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Names of the values from `least` on.
    names: &'static [&'static str],
}

const MINUTE: Field = Field { name: "minute", least: 0, most: 59, names: &[] };
const HOUR: Field = Field { name: "hour", least: 0, most: 23, names: &[] };
const MONTH_DAY: Field = Field { name: "day of the month", least: 1, most: 31, names: &[] };
const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const MONTH: Field = Field { name: "month", least: 1, most: 12, names: MONTHS };
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const UNIX_WEEK_DAY: Field = Field { name: "day of the week", least: 0, most: 7, names: DAYS };
const AWS_WEEK_DAY: Field = Field { name: "day of the week", least: 1, most: 7, names: DAYS };
const YEAR: Field = Field { name: "year", least: YEARS.0, most: YEARS.1, names: &[] };

impl Cron {
    /// Reads an expression.
    ///
    /// # Errors
    /// Says what is wrong with it, in which field.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let inner = text.strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')')).unwrap_or(text);
        let fields: Vec<&str> = inner.split_whitespace().collect();
        let cron = match fields[..] {
            [minute, hour, month_day, month, week_day] => Self {
                minutes: MINUTE.values(minute)?,
                hours: HOUR.values(hour)? as u32,
                months: MONTH.values(month)? as u16,
                month_days: MonthDays { listed: MONTH_DAY.values(month_day)? as u32, ..MonthDays::default() },
                week_days: WeekDays::unix(week_day)?,
                is_either: !month_day.starts_with('*') && !week_day.starts_with('*'),
                years: Vec::new(),
            },
            [minute, hour, month_day, month, week_day, year] => {
                if (month_day == "?") == (week_day == "?") {
                    let what = "exactly one of day of the month and day of the week must be `?`";
                    return Err(format!("{what}, as in \"0 10 * * ? *\" or \"0 10 ? * MON-FRI *\""));
                }
                Self {
                    minutes: MINUTE.values(minute)?,
                    hours: HOUR.values(hour)? as u32,
                    months: MONTH.values(month)? as u16,
                    month_days: MonthDays::aws(month_day)?,
                    week_days: WeekDays::aws(week_day)?,
                    is_either: false,
                    years: if year == "*" { Vec::new() } else { YEAR.listed(year)? },
                }
            }
            _ => {
                let what = format!("it has {} fields", fields.len());
                return Err(format!(
                    "{what}: write five, as in \"*/5 * * * *\", or six with the year last, as in \"0/5 * * * ? *\""
                ));
            }
        };
        if cron.is_never() { Err("there is no such day".to_owned()) } else { Ok(cron) }
    }

    /// Whether no day fits.
    fn is_never(&self) -> bool {
        // The calendar repeats after 400 years; within 40 all days of all kinds of years come that the fields can tell apart
        // (but for 1900 and the like, which are no leap years).
        let years: Vec<u16> = if self.years.is_empty() { (2000..2040).collect() } else { self.years.clone() };
        !years.iter().any(|year| days_of(*year).any(|date| self.fits(date)))
    }

    /// Whether it fires on a day.
    #[must_use]
    pub fn fits(&self, date: Date) -> bool {
        let by_date = || self.month_days.fit(date);
        let by_week = || self.week_days.fit(date);
        self.months >> date.month() & 1 == 1
            && (self.years.is_empty() || self.years.contains(&date.year().unsigned_abs()))
            && if self.is_either { by_date() || by_week() } else { by_date() && by_week() }
    }

    /// The minutes of a day at which it fires, counted from midnight on the clock.
    pub fn minutes(&self) -> impl Iterator<Item = u32> {
        let hours = (0..24).filter(|hour| self.hours >> hour & 1 == 1);
        hours.flat_map(|hour| {
            (0..60).filter(|minute| self.minutes >> minute & 1 == 1).map(move |minute| 60 * hour + minute)
        })
    }

    /// How many minutes that are.
    #[must_use]
    pub const fn minutes_of_a_day(&self) -> u32 {
        self.minutes.count_ones() * self.hours.count_ones()
    }
}

fn days_of(year: u16) -> impl Iterator<Item = Date> {
    let first = Date::new(year.cast_signed(), 1, 1).ok();
    let next = move |date: &Date| date.tomorrow().ok().filter(|next| next.year() == date.year());
    std::iter::successors(first, next)
}

fn week_day(date: Date) -> u32 {
    u32::from(date.weekday().to_sunday_zero_offset().unsigned_abs())
}

impl MonthDays {
    fn aws(text: &str) -> Result<Self, String> {
        let mut days = Self::default();
        if text == "?" {
            return Ok(Self { listed: u32::MAX, ..days });
        }
        for part in text.split(',') {
            match part.strip_suffix('W') {
                _ if part == "L" => days.last = true,
                Some(day) => days.nearest |= 1 << MONTH_DAY.value(day)?,
                None => days.listed |= MONTH_DAY.values(part)? as u32,
            }
        }
        Ok(days)
    }

    fn fit(&self, date: Date) -> bool {
        let (day, length) = (date.day().unsigned_abs(), date.days_in_month().unsigned_abs());
        let is_nearest = || {
            let is_day_of = |wanted: u8| wanted <= length && nearest_weekday(date, wanted) == Some(date);
            (1..=31).any(|wanted| self.nearest >> wanted & 1 == 1 && is_day_of(wanted))
        };
        self.listed >> day & 1 == 1 || self.last && day == length || self.nearest != 0 && is_nearest()
    }
}

/// The day from Monday to Friday of the month of `date` that is nearest to its day `day`.
fn nearest_weekday(date: Date, day: u8) -> Option<Date> {
    let wanted = Date::new(date.year(), date.month(), day.cast_signed()).ok()?;
    let is_last = wanted.day() == wanted.days_in_month();
    match wanted.weekday() {
        Weekday::Saturday if day == 1 => Date::new(date.year(), date.month(), 3).ok(),
        Weekday::Saturday => wanted.yesterday().ok(),
        Weekday::Sunday if is_last => wanted.yesterday().and_then(Date::yesterday).ok(),
        Weekday::Sunday => wanted.tomorrow().ok(),
        _ => Some(wanted),
    }
}

impl WeekDays {
    fn unix(text: &str) -> Result<Self, String> {
        let days = UNIX_WEEK_DAY.values(text)?;
        Ok(Self { listed: (days & 0x7f | days >> 7) as u8, ..Self::default() })
    }

    fn aws(text: &str) -> Result<Self, String> {
        let mut days = Self::default();
        if text == "?" {
            return Ok(Self { listed: u8::MAX, ..days });
        }
        for part in text.split(',') {
            match (part.split_once('#'), part.strip_suffix('L')) {
                (Some((day, nth)), _) => {
                    let day = AWS_WEEK_DAY.value(day)? - 1;
                    let Some(nth) = nth.parse::<u8>().ok().filter(|nth| (1..=5).contains(nth)) else {
                        return Err(format!("day of the week: `{nth}` in `{part}` must be 1 to 5"));
                    };
                    days.nth[day as usize] |= 1 << nth;
                }
                // The last day of the week is Saturday.
                (None, Some("")) => days.listed |= 1 << 6,
                (None, Some(day)) => days.last |= 1 << (AWS_WEEK_DAY.value(day)? - 1),
                (None, None) => days.listed |= (AWS_WEEK_DAY.values(part)? >> 1) as u8,
            }
        }
        Ok(days)
    }

    fn fit(&self, date: Date) -> bool {
        let (day, of_month) = (week_day(date), date.day().unsigned_abs());
        let is_last = of_month + 7 > date.days_in_month().unsigned_abs();
        self.listed >> day & 1 == 1
            || self.nth[day as usize] >> ((of_month - 1) / 7 + 1) & 1 == 1
            || is_last && self.last >> day & 1 == 1
    }
}

impl Field {
    /// The values of a field below 64, as bits.
    fn values(&self, text: &str) -> Result<u64, String> {
        Ok(self.listed(text)?.iter().fold(0, |bits, value| bits | 1 << value))
    }

    /// The values of a field.
    fn listed(&self, text: &str) -> Result<Vec<u16>, String> {
        let mut listed = Vec::new();
        for part in text.split(',') {
            let (range, step) = match part.split_once('/') {
                Some((range, step)) => match step.parse::<u32>() {
                    Ok(step) if (1..=self.most).contains(&step) => (range, Some(step)),
                    _ => return Err(format!("{}: the step in `{part}` must be 1 to {}", self.name, self.most)),
                },
                None => (part, None),
            };
            let (from, to) = match range.split_once('-') {
                _ if range == "*" => (self.least, self.most),
                Some((from, to)) => (self.value(from)?, self.value(to)?),
                // With a step, from there to the end.
                None => (self.value(range)?, if step.is_some() { self.most } else { self.value(range)? }),
            };
            if from > to {
                return Err(format!("{}: `{range}` ends before it begins", self.name));
            }
            listed.extend((from..=to).step_by(step.unwrap_or(1) as usize).map(|value| value as u16));
        }
        Ok(listed)
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let value = named.map(|place| place as u32 + self.least).or_else(|| text.parse().ok());
        value.filter(|value| (self.least..=self.most).contains(value)).ok_or_else(|| {
            let names = match self.names {
                [first, .., last] => format!(" or {first} to {last}"),
                _ => String::new(),
            };
            format!("{}: `{text}` must be {} to {}{names}", self.name, self.least, self.most)
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn days(text: &str, year: i16, month: i8) -> Vec<i8> {
        let cron = Cron::parse(text).expect(text);
        let first = date(year, month, 1);
        (1..=first.days_in_month()).filter(|day| cron.fits(date(year, month, *day))).collect()
    }

    fn minutes(text: &str) -> Vec<u32> {
        Cron::parse(text).expect(text).minutes().collect()
    }

    #[test]
    fn fields_are_lists_ranges_and_steps() {
        assert_eq!(minutes("0,30 9-11/2 * * *"), [540, 570, 660, 690]);
        assert_eq!(minutes("5/20 0 * * ? *"), [5, 25, 45]);
        assert_eq!(minutes("*/25 23 * * *"), [1380, 1405, 1430]);
        assert_eq!(Cron::parse("* * * * *").unwrap().minutes_of_a_day(), 1440);
        assert_eq!(days("0 0 1,15-17 * *", 2026, 3), [1, 15, 16, 17]);
        assert_eq!(days("0 0 1 feb-mar *", 2026, 4), [0i8; 0]);
    }

    #[test]
    fn days_of_the_week_begin_with_sunday_at_0_in_unix_and_at_1_on_aws() {
        // 1 March 2026 is a Sunday.
        assert_eq!(days("0 0 * * 0", 2026, 3), [1, 8, 15, 22, 29]);
        assert_eq!(days("0 0 * * 7", 2026, 3), [1, 8, 15, 22, 29]);
        assert_eq!(days("0 0 ? * 1 *", 2026, 3), [1, 8, 15, 22, 29]);
        assert_eq!(days("0 0 ? * MON,SAT *", 2026, 3), [2, 7, 9, 14, 16, 21, 23, 28, 30]);
        assert_eq!(days("0 0 * * mon-fri", 2026, 3).len(), 22);
    }

    #[test]
    fn unix_joins_two_restricted_days_by_or_and_others_by_and() {
        // crontab(5): the 1st and the 15th, and every Friday.
        assert_eq!(days("30 4 1,15 * 5", 2026, 3), [1, 6, 13, 15, 20, 27]);
        assert_eq!(days("0 0 */10 * 1", 2026, 6), [1]);
        assert_eq!(days("0 0 13 * *", 2026, 3), [13]);
    }

    #[test]
    fn aws_knows_last_nearest_and_nth_days() {
        assert_eq!(days("0 8 L * ? *", 2028, 2), [29]);
        assert_eq!(days("0 8 ? * 2#1 *", 2026, 3), [2]);
        assert_eq!(days("0 8 ? * FRI#5 *", 2026, 3), [0i8; 0]);
        assert_eq!(days("0 8 ? * 6L *", 2026, 3), [27]);
        assert_eq!(days("0 8 ? * L *", 2026, 3), [7, 14, 21, 28]);
        // Sunday 1 March: Monday the 2nd. Saturday 14 March: Friday the 13th. Saturday 1 August: Monday the 3rd. Sunday
        // 31 May: Friday the 29th.
        assert_eq!(days("0 8 1W * ? *", 2026, 3), [2]);
        assert_eq!(days("0 8 14W * ? *", 2026, 3), [13]);
        assert_eq!(days("0 8 1W * ? *", 2026, 8), [3]);
        assert_eq!(days("0 8 31W * ? *", 2026, 5), [29]);
        assert_eq!(days("0 8 31W * ? *", 2026, 6), [0i8; 0]);
        assert_eq!(days("0 8 1 * ? 2027-2029/2", 2027, 1), [1]);
        assert_eq!(days("0 8 1 * ? 2027-2029/2", 2028, 1), [0i8; 0]);
        assert_eq!(Cron::parse("cron(0 10 * * ? *)"), Cron::parse("0 10 * * ? *"));
    }

    #[test]
    fn what_is_wrong_is_said_by_its_field() {
        for (text, part) in [
            ("* * * *", "4 fields"),
            ("0 0 * * * *", "must be `?`"),
            ("0 0 ? * ? *", "must be `?`"),
            ("60 * * * *", "minute: `60` must be 0 to 59"),
            ("0 24 * * *", "hour: `24`"),
            ("0 0 0 * *", "day of the month: `0` must be 1 to 31"),
            ("0 0 * 13 *", "month: `13` must be 1 to 12 or JAN to DEC"),
            ("0 0 ? * 0 *", "day of the week: `0` must be 1 to 7 or SUN to SAT"),
            ("0 0 * * 5-1", "`5-1` ends before it begins"),
            ("*/0 * * * *", "the step in `*/0` must be 1 to 59"),
            ("0 0 ? * 2#6 *", "`6` in `2#6` must be 1 to 5"),
            ("0 0 1 * ? 2200", "year: `2200` must be 1970 to 2199"),
            ("0 0 30 2 *", "no such day"),
            ("0 0 29 2 ? 2026", "no such day"),
            ("", "0 fields"),
            ("0 0 ? * ä *", "`ä`"),
        ] {
            let error = Cron::parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
