//! Which functions are there?
//!
//! One table for the parser (how a call is written), the checker (what it takes), the JSON form and editors.

/// How a call of a function is written; both ways are read where only one makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `x.f(..)`
    Method,
    /// `f(x, ..)`
    Global,
    /// `x.f(..)` with an account before it, `f(..)` for the account under test.
    OfAccount,
}

macro_rules! functions {
    ($($variant:ident $name:literal $style:ident $min:literal..=$max:literal $usage:literal $text:literal;)*) => {
        /// A function of the language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(super) enum Function { $($variant,)* }

        /// A function, how it is called, and what it is for.
        #[derive(Debug)]
        pub(super) struct Entry {
            pub(super) function: Function,
            pub(super) name: &'static str,
            pub(super) style: Style,
            /// Arguments, the one before the name included.
            pub(super) least: usize,
            pub(super) most: usize,
            /// As an editor shows it.
            pub(super) usage: &'static str,
            pub(super) text: &'static str,
        }

        pub(super) const TABLE: &[Entry] = &[
            $(Entry {
                function: Function::$variant,
                name: $name,
                style: Style::$style,
                least: $min,
                most: $max,
                usage: $usage,
                text: $text,
            },)*
        ];

        /// The function of a name.
        pub(super) fn function(name: &str) -> Option<&'static Entry> {
            let place = match name {
                $($name => Function::$variant as usize,)*
                _ => return None,
            };
            TABLE.get(place)
        }
    };
}

functions! {
    Has "has" Global 1..=1 "has(x)" "Is there a value?";
    Coalesce "coalesce" Global 2..=64 "coalesce(a, b, ..)" "The first that has a value.";
    IsNot "isNot" Global 2..=2 "isNot(x, value)" "Different, or without a value.";
    IsTrue "isTrue" Global 1..=1 "isTrue(x)" "True; false where there is no answer.";
    Between "between" Global 3..=3 "between(x, low, high)" "From low to high, both included.";
    Ratio "ratio" Global 2..=2 "ratio(a, b)" "a divided by b, with a fraction.";
    Change "change" Global 2..=2 "change(now, before)" "(now - before) / before; no value where before is 0.";
    Size "size" Global 1..=1 "size(x)" "Characters of a text, items of a list.";
    ToBool "bool" Global 1..=1 "bool(x)" "As true or false.";
    ToInt "int" Global 1..=1 "int(x)" "As a whole number: cut off towards zero; seconds of a timestamp; the number of a text.";
    ToDouble "double" Global 1..=1 "double(x)" "As a double; the number of a text.";
    ToText "string" Global 1..=1 "string(x)" "As text.";
    ToDate "date" Global 1..=1 "date(x)" "The day of a timestamp in the zone of the question; the day of a text, \"2026-03-31\".";
    ToTimestamp "timestamp" Global 1..=1 "timestamp(x)" "The instant of a text, with its offset; the instant of seconds since 1970.";
    ToDuration "duration" Global 1..=1 "duration(x)" "A constant length of time: \"36h\".";
    Abs "math.abs" Global 1..=1 "math.abs(x)" "Without its sign.";
    Sign "math.sign" Global 1..=1 "math.sign(x)" "-1, 0 or 1.";
    Floor "math.floor" Global 1..=1 "math.floor(x)" "The next whole number below.";
    Ceil "math.ceil" Global 1..=1 "math.ceil(x)" "The next whole number above.";
    Trunc "math.trunc" Global 1..=1 "math.trunc(x)" "Cut off towards zero.";
    Round "math.round" Global 1..=1 "math.round(x)" "The nearest whole number, half away from zero.";
    Least "math.least" Global 1..=64 "math.least(a, b, ..)" "The least.";
    Greatest "math.greatest" Global 1..=64 "math.greatest(a, b, ..)" "The greatest.";
    ConvertTo "convertTo" Method 2..=2 "amount.convertTo(\"EUR\")" "In another currency, at the rate of the day of the question.";
    ConvertAt "convertAt" Method 3..=3 "amount.convertAt(\"EUR\", day)" "In another currency, at the rate of a day.";
    ConvertAtPlan "convertAtPlan" Method 2..=2 "amount.convertAtPlan(\"EUR\")" "In another currency, at the rate of the plan of the fiscal year.";
    IfCurrency "ifCurrency" Method 2..=2 "amount.ifCurrency(\"EUR\")" "The amount where it is in this currency, else no value; at no rate.";
    Contains "contains" Method 2..=2 "text.contains(part)" "Does the text hold this part?";
    StartsWith "startsWith" Method 2..=2 "text.startsWith(part)" "Does the text begin with this?";
    EndsWith "endsWith" Method 2..=2 "text.endsWith(part)" "Does the text end with this?";
    Like "like" Method 2..=2 "text.like(\"a*b\")" "Does the text match, where `*` is any text?";
    EqualsFold "equalsFold" Method 2..=2 "text.equalsFold(other)" "The same, whatever the case.";
    ContainsFold "containsFold" Method 2..=2 "text.containsFold(part)" "Does it hold this, whatever the case?";
    StartsWithFold "startsWithFold" Method 2..=2 "text.startsWithFold(part)" "Does it begin with this, whatever the case?";
    LowerAscii "lowerAscii" Method 1..=1 "text.lowerAscii()" "A to Z in lower case.";
    UpperAscii "upperAscii" Method 1..=1 "text.upperAscii()" "a to z in upper case.";
    ContainsAll "containsAll" Method 2..=2 "list.containsAll(values)" "Are all of the values in the list?";
    ContainsAny "containsAny" Method 2..=2 "list.containsAny(values)" "Is one of the values in the list?";
    GetFullYear "getFullYear" Method 1..=2 "time.getFullYear(zone)" "The year.";
    GetMonth "getMonth" Method 1..=2 "time.getMonth(zone)" "The month, January is 0.";
    GetDate "getDate" Method 1..=2 "time.getDate(zone)" "The day of the month, from 1.";
    GetDayOfMonth "getDayOfMonth" Method 1..=2 "time.getDayOfMonth(zone)" "The day of the month, from 0.";
    GetDayOfYear "getDayOfYear" Method 1..=2 "time.getDayOfYear(zone)" "The day of the year, from 0.";
    GetDayOfWeek "getDayOfWeek" Method 1..=2 "time.getDayOfWeek(zone)" "The day of the week, Sunday is 0.";
    GetHours "getHours" Method 1..=2 "time.getHours(zone)" "The hour; whole hours of a duration.";
    GetMinutes "getMinutes" Method 1..=2 "time.getMinutes(zone)" "The minute; whole minutes of a duration.";
    GetSeconds "getSeconds" Method 1..=2 "time.getSeconds(zone)" "The second; whole seconds of a duration.";
    GetMilliseconds "getMilliseconds" Method 1..=2 "time.getMilliseconds(zone)" "Milliseconds of the second.";
    Today "today" Global 0..=0 "today()" "The day of the question.";
    Now "now" Global 0..=0 "now()" "The instant of the question.";
    DaysAgo "daysAgo" Global 1..=1 "daysAgo(n)" "The day n days before today.";
    DaysFromNow "daysFromNow" Global 1..=1 "daysFromNow(n)" "The day n days after today.";
    StartOf "startOf" Global 1..=2 "startOf(\"month\", -1)" "The first day of a period, counted from the current one.";
    EndOf "endOf" Global 1..=2 "endOf(\"quarter\")" "The last day of a period, counted from the current one.";
    AddMonths "addMonths" Method 2..=2 "day.addMonths(n)" "The same day n months later, or the last day of that month where it is shorter.";
    InLast "inLast" Method 3..=3 "day.inLast(30, \"days\")" "Within the last n days, today included.";
    InNext "inNext" Method 3..=3 "day.inNext(90, \"days\")" "Within the next n days, tomorrow first.";
    Before "before" Method 2..=2 "day.before(daysAgo(7))" "Strictly before a day.";
    After "after" Method 2..=2 "day.after(daysAgo(7))" "Strictly after a day.";
    During "during" Method 2..=2 "day.during(\"this_quarter\")" "Within a named period.";
    At "at" Method 2..=2 "lineage.at(\"Region\")" "The nearest account of a type, the account itself or one above.";
    Level "level" Method 2..=2 "lineage.level(2)" "The account at a level, the root is 1.";
    Under "under" OfAccount 1..=2 "under(\"id\")" "Is the account this one, or below it?";
    StrictlyUnder "strictlyUnder" OfAccount 1..=2 "strictlyUnder(\"id\")" "Is the account below this one?";
    Owns "owns" OfAccount 1..=2 "owns(\"product\")" "Does the account, or one below it, hold this product?";
    InSegment "inSegment" Global 1..=1 "inSegment(\"id\")" "Is the account in this segment?";
    Events "events" Global 1..=1 "events(\"name\")" "The usage events of the account.";
    Metric "metric" Global 1..=1 "metric(\"name\")" "The daily series of a metric.";
    LastDays "lastDays" Method 2..=2 "events(..).lastDays(30)" "Of the last n days, today included.";
    PrevDays "prevDays" Method 3..=3 "events(..).prevDays(30, 30)" "Of n days, that ended m days ago.";
    LastWeeks "lastWeeks" Method 2..=2 "events(..).lastWeeks(12)" "Of the last n whole weeks, without the current one.";
    PrevWeeks "prevWeeks" Method 3..=3 "events(..).prevWeeks(12, 12)" "Of n whole weeks, m weeks before the current one.";
    Weekly "weekly" Method 1..=2 "events(..).weekly()" "By week; \"active\" passes over weeks without events.";
    WithCancelled "withCancelled" Method 1..=1 "children.withCancelled()" "With cancelled accounts, which walks leave out.";
    Count "count" Method 1..=1 "children.count()" "How many there are.";
    Sum "sum" Method 1..=1 "metric(..).sum()" "The sum of a daily series.";
    Avg "avg" Method 1..=1 "metric(..).avg()" "The mean of a daily series.";
    Min "min" Method 1..=1 "metric(..).min()" "The least of a daily series.";
    Max "max" Method 1..=1 "metric(..).max()" "The greatest of a daily series.";
    Median "median" Method 1..=1 "metric(..).median()" "The lower median of a series.";
    Percentile "percentile" Method 2..=2 "metric(..).percentile(90)" "The least value of a series such that so many percent of its values are at or below it.";
    Days "days" Method 1..=1 "events(..).days()" "On how many days there were events.";
    First "first" Method 1..=1 "events(..).first()" "When the first was.";
    Last "last" Method 1..=1 "events(..).last()" "When the last was.";
}

/// Does a call with this many arguments stand as a method? As written where the function is unknown.
pub(super) fn is_method(name: &str, arguments: usize, written: bool) -> bool {
    match function(name).map(|entry| entry.style) {
        Some(Style::Method) => arguments > 0,
        Some(Style::Global) => false,
        Some(Style::OfAccount) => arguments > 1,
        None => written && arguments > 0,
    }
}
