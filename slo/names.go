package slo

import "slices"

// names turns the strings of facts into small numbers while a history is put together.
type names struct {
	checks, upstreams nameList
}

// nameList numbers strings by first use; number 0 is the empty one.
type nameList struct {
	list  []string
	index map[string]uint32 // made when a scan of the list gets slow
}

const scanNames = 16

var onlyEmpty = []string{""} // with no room for another, so that lists can share it

func newNameList() nameList { return nameList{list: onlyEmpty} }

func (l *nameList) find(name string) (uint32, bool) {
	if name == "" {
		return 0, true
	}
	if l.index != nil {
		n, ok := l.index[name]
		return n, ok && int(n) < len(l.list) && l.list[n] == name // an Add that failed may have left more in it
	}
	i := slices.Index(l.list, name)
	return uint32(i), i >= 0
}

func (l *nameList) number(name string) uint32 {
	if n, ok := l.find(name); ok {
		return n
	}
	n := uint32(len(l.list))
	l.list = append(l.list, name)
	switch {
	case l.index != nil:
		l.index[name] = n
	case len(l.list) > scanNames:
		l.index = make(map[string]uint32)
		for i, known := range l.list {
			l.index[known] = uint32(i)
		}
	}
	return n
}

// word checks an observation and turns it into a word. What was seen before needs no second look at its bytes.
func (n *names) word(system string, o *Observation) (word, error) {
	if o.SystemID != system {
		return word{}, invalid("history of "+show(system), "observation's system", o.SystemID, "the history's own")
	}
	_, known := n.checks.find(o.CheckID)
	_, named := n.upstreams.find(o.UpstreamID)
	seconds := o.At.Unix()
	plain := known && named && o.Note == "" && o.Impact == 0 && o.Health <= Unhealthy &&
		seconds > minInstant/1e6 && seconds < maxInstant/1e6
	if !plain {
		if err := o.Validate(); err != nil {
			return word{}, err
		}
	}
	thousandths, err := impact("", o.Health, o.Impact)
	if err != nil {
		return word{}, err
	}
	return word{
		at: micros(o.At), seq: o.Seq, check: n.checks.number(o.CheckID), upstream: n.upstreams.number(o.UpstreamID),
		impact: thousandths, health: o.Health,
	}, nil
}

// outage turns an outage of a valid statement into a span.
func (n *names) outage(o *Outage, source uint32) (span, error) {
	health := o.Health
	if health == Unknown {
		health = Unhealthy
	}
	thousandths, err := impact("", health, o.Impact)
	return span{
		start: micros(o.Start), end: outageEnd(o), check: n.checks.number(o.CheckID),
		upstream: n.upstreams.number(o.UpstreamID), source: source, impact: thousandths, health: health,
	}, err
}
