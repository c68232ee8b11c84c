package protocol

import "testing"

func BenchmarkDecodeSend(b *testing.B) {
	frame := []byte(`{"type":"message:send","conversationId":"0199d3a5-7c10-7a2b-8f00-0123456789ab","content":"Are you there? I have been waiting for a while.","contentType":"text","clientMessageId":"c0ffee-1234-5678-9abc"}`)
	other := []byte(`{"conversationId":"0199d3a5-7c10-7a2b-8f00-0123456789ab","content":"Are you there? I have been waiting for a while.","contentType":"text","clientMessageId":"c0ffee-1234-5678-9abc","type":"message:send"}`)
	for name, f := range map[string][]byte{"type first": frame, "type last": other} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := DecodeCommand(f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
