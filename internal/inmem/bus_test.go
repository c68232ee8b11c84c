package inmem_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/realtime/bustest"
)

func TestTheBusOfOneProcessKeepsTheContract(t *testing.T) {
	buses := make(map[*testing.T]*inmem.Bus)
	bustest.Run(t, func(t *testing.T) realtime.Bus {
		if buses[t] == nil {
			buses[t] = inmem.NewBus()
		}
		return buses[t]
	})
}

func TestAHubAloneOnABusHasNoPeers(t *testing.T) {
	bus := inmem.NewBus()
	first := bus.Listen(func(string, []byte) {}, func([]string) {})
	if bus.Peers() {
		t.Error("one listener has peers")
	}
	defer bus.Listen(func(string, []byte) {}, func([]string) {}).Stop()
	if !bus.Peers() {
		t.Error("two listeners have no peers")
	}
	first.Stop()
	if bus.Peers() {
		t.Error("who stopped is still a peer")
	}
}
