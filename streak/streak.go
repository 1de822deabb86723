package streak

import "iter"

// Streak is an objective's run of Met days, and the longest one so far. It is a fold over Days: the zero Streak is the one
// before the first day, [Streak.Next] gives the one after each. It is a plain value and can be compared with ==.
//
// Everything that the fold needs is in it, so that it can go on from any day's record.
type Streak struct {
	Current int `json:"current"` // Met days since the last Missed one
	Best    int `json:"best"`    // the greatest that Current has been; never less than it

	Start   Date `json:"start"`   // the first Met day of the current streak; zero while Current is 0
	LastMet Date `json:"lastMet"` // the last Met day of the current streak; zero while Current is 0

	// BestEnd is the last Met day of the longest streak. It is zero while there was none, and while a streak runs that is
	// longer than any before. One that is as long as the longest before moves BestEnd to its own end when it ends.
	BestEnd Date `json:"bestEnd"`

	LastDay Date `json:"lastDay"` // the last day, whatever its outcome; zero before the first
}

// Next returns the streak after one day more. A day that is not after LastDay is ErrInvalid, so that no day counts twice,
// as is a zero Date and an Outcome that is none; the Streak that comes with an error is s as it was. Days may be missing in
// between: they count as Held ones would, for nothing. Of the day it looks at Date and Outcome only.
func (s Streak) Next(day Day) (Streak, error) {
	if err := day.checkFold(); err != nil {
		return s, err
	}
	if !day.Date.After(s.LastDay) {
		return s, invalid("day of "+show(day.ObjectiveID), "date", day.Date, "one after the last day, "+s.LastDay.String())
	}
	switch day.Outcome {
	case Met:
		s.extend(day.Date)
	case Missed:
		s.end()
	}
	s.LastDay = day.Date
	return s, nil
}

func (s *Streak) extend(met Date) {
	if s.Current == 0 {
		s.Start = met
	}
	s.Current++
	s.LastMet = met
	if s.Current > s.Best {
		s.Best, s.BestEnd = s.Current, Date{}
	}
}

func (s *Streak) end() {
	if s.Current == s.Best { // also where both are 0, and LastMet is zero
		s.BestEnd = s.LastMet
	}
	s.Current, s.Start, s.LastMet = 0, Date{}, Date{}
}

// Fold returns the streak after all of these days of one objective, the zero Streak for none. What [Streak.Next] refuses
// is ErrInvalid, as is a day of another objective than the first one's; the Streak that comes with an error is the one
// before that day. The days' own Streaks are not looked at.
func Fold(days iter.Seq[Day]) (Streak, error) {
	var s Streak
	objective := ""
	for day := range days {
		if s.LastDay.IsZero() {
			objective = day.ObjectiveID
		}
		if day.ObjectiveID != objective {
			return s, invalid("day "+day.Date.String(), "objective's ID", day.ObjectiveID, show(objective)+", as of the days before")
		}
		var err error
		if s, err = s.Next(day); err != nil {
			return s, err
		}
	}
	return s, nil
}
