-- What is done with the queue alone. ARGV[1] says what, the rest are its arguments; each answer begins with the life.
local queue, work = queue_at(1), {}
local function arguments(from)
	local all = {}
	for i = from, #ARGV do all[#all + 1] = ARGV[i] end
	return all
end

-- Most that may wait, steps.
function work.push()
	local steps = arguments(3)
	if queue.full(#steps, tonumber(ARGV[2])) then
		return redis.error_reply('FULL too many steps wait to be written')
	end
	queue.push(steps)
	return {queue.life()}
end

-- A full Redis refuses what may need memory, unless something was written before in the same script. What only moves steps
-- on, so that they are written and leave, must not be refused.
local function though_full() redis.call('ZREM', KEYS[2], '') end

-- Id, limit, microseconds.
function work.claim()
	though_full()
	local steps = queue.claim(ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]))
	table.insert(steps, 1, queue.life())
	return steps
end

-- Id, steps that go back.
function work.settle()
	though_full()
	queue.settle(ARGV[2], arguments(3))
	return {queue.life()}
end

-- People. Answers their steps.
function work.pending()
	local answer = {queue.life()}
	for i = 2, #ARGV do
		for _, step in ipairs(queue.steps_of(ARGV[i])) do answer[#answer + 1] = step end
	end
	return answer
end

function work.waiting() return {queue.life(), whole(queue.length())} end

return work[ARGV[1]]()
