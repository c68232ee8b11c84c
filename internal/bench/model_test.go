package bench

import (
	"testing"
	"time"
)

func TestTheModelFindsTheCostsThatMadeThePoints(t *testing.T) {
	for _, want := range []model{
		{300 * time.Microsecond, 40 * time.Microsecond, 60 * time.Microsecond, 9 * time.Microsecond},
		{300 * time.Microsecond, 0, 60 * time.Microsecond, 9 * time.Microsecond},
	} {
		at := map[point]time.Duration{}
		for _, people := range []int{2, 10, 100, 400} {
			for nodes := 1; nodes <= 3; nodes++ {
				p := point{people, nodes}
				at[p] = want.cost(p)
			}
		}
		got := fit(at)
		for _, off := range []time.Duration{got.own - want.own, got.publish - want.publish, got.hear - want.hear, got.deliver - want.deliver} {
			if off.Abs() > time.Microsecond {
				t.Errorf("the costs are %+v, not %+v", got, want)
			}
		}
		// Many people are measured less exactly than few; no cost may become negative by that.
		at[point{400, 1}] += 200 * time.Microsecond
		at[point{400, 3}] -= 200 * time.Microsecond
		if got = fit(at); got.publish < 0 || got.hear < 0 || (got.hear-want.hear).Abs() > 20*time.Microsecond {
			t.Errorf("with 5 %% of noise the costs are %+v, not %+v", got, want)
		}
	}
}
