package redis

import (
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/redis/rueidis"

	"github.com/parley-chat/parley/internal/chat"
)

// presenceAnswer is what the script answers: what it knows at all, and then what it was asked.
type presenceAnswer struct {
	life      string
	sure      bool  // all who are there have been heard in this life
	now       int64 // milliseconds, on the clock of Redis
	newest    int64 // version
	presences []chat.Presence
	newer     map[chat.UserID]chat.Privacy
}

// decodePresence reads life, sure, now, newest, and then kind, user, version and text of each entry.
func decodePresence(answer []rueidis.RedisMessage) (told presenceAnswer, err error) {
	const head, entry = 4, 4
	if len(answer) < head || (len(answer)-head)%entry != 0 {
		return told, errOtherAnswer
	}
	if told.life, err = answer[0].ToString(); err != nil {
		return told, errOtherAnswer
	}
	one, err1 := answer[1].AsInt64()
	now, err2 := answer[2].AsInt64()
	newest, err3 := answer[3].AsInt64()
	if err1 != nil || err2 != nil || err3 != nil {
		return told, errOtherAnswer
	}
	told.sure, told.now, told.newest = one == 1, now, newest
	for rest := answer[head:]; len(rest) > 0; rest = rest[entry:] {
		if !told.add(rest) {
			return told, errOtherAnswer
		}
	}
	return told, nil
}

func (a *presenceAnswer) add(entry []rueidis.RedisMessage) (is bool) {
	kind, _ := entry[0].ToString()
	user, _ := entry[1].ToString()
	text, _ := entry[3].ToString()
	u := chat.UserID(user)
	if kind == "newer" {
		if a.newer == nil {
			a.newer = make(map[chat.UserID]chat.Privacy)
		}
		a.newer[u], is = decodePrivacy(strings.Split(text, "|"))
		return is
	}
	version, err := entry[2].AsInt64()
	if err != nil {
		return false
	}
	p := chat.Presence{User: u, Version: version, Status: chat.StatusOffline}
	if kind == "lapsed" {
		p.SeenAt, is = decodeSeen(text, time.Millisecond)
	} else {
		p, is = decodeTold(p, text)
	}
	a.presences = append(a.presences, p)
	return is
}

// knownPerson is what stands in the key of a person, as far as it is read here.
type knownPerson struct {
	Life    string `json:"life"`
	Version string `json:"version"`
	Told    string `json:"told"`
	Devices []struct {
		Heard float64 `json:"heard"` // milliseconds
	} `json:"devices"`
}

// decodePerson reads what others may know of a person who is there. What cannot be read, or is of another life, is absent.
func decodePerson(u chat.UserID, text string, told presenceAnswer) (p chat.Presence, there bool) {
	var known knownPerson
	if text == "" || json.Unmarshal([]byte(text), &known) != nil || known.Life != told.life {
		return p, false
	}
	for _, d := range known.Devices {
		there = there || int64(d.Heard)+chat.DeviceLease.Milliseconds() > told.now
	}
	version, err := strconv.ParseInt(known.Version, 10, 64)
	if err != nil || !there {
		return p, false
	}
	return decodeTold(chat.Presence{User: u, Version: version}, known.Told)
}

// decodeTold reads "status|device|seen|rev|enabled|sharing|invisible". A status that this version does not know is somebody's
// who is there.
func decodeTold(p chat.Presence, text string) (_ chat.Presence, is bool) {
	parts := strings.Split(text, "|")
	if len(parts) != 7 {
		return p, false
	}
	switch p.Status = chat.Status(parts[0]); p.Status {
	case chat.StatusOnline, chat.StatusAway, chat.StatusOffline:
	default:
		p.Status = chat.StatusOnline
	}
	switch d := chat.DeviceType(parts[1]); d {
	case chat.Desktop, chat.Mobile:
		p.Device = d
	}
	var readable bool
	p.SeenAt, readable = decodeSeen(parts[2], time.Microsecond)
	p.Privacy, is = decodePrivacy(parts[3:])
	return p, is && readable
}

// encodePrivacy writes "rev|enabled|sharing|invisible".
func encodePrivacy(p chat.Privacy) string {
	return strconv.FormatInt(p.Rev, 10) + "|" + digit(p.Enabled) + "|" + string(p.Sharing) + "|" + digit(p.Invisible)
}

func decodePrivacy(parts []string) (p chat.Privacy, is bool) {
	if len(parts) != 4 {
		return p, false
	}
	rev, err := strconv.ParseInt(parts[0], 10, 64)
	return chat.Privacy{Rev: rev, Enabled: parts[1] == "1", Sharing: chat.Sharing(parts[2]), Invisible: parts[3] == "1"}, err == nil
}

func digit(is bool) string {
	if is {
		return "1"
	}
	return "0"
}

// encodeSeen is in microseconds, "" for never.
func encodeSeen(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return strconv.FormatInt(at.UnixMicro(), 10)
}

func decodeSeen(text string, unit time.Duration) (at time.Time, is bool) {
	if text == "" {
		return at, true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return time.UnixMicro(n * int64(unit/time.Microsecond)), err == nil
}
