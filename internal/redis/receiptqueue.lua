-- Steps that wait to be written: read_receipts:pending, the list of the plan, and what belongs to it. All of it lies in
-- one slot of a cluster, since the keys' tag is the name of the list.
local seconds_of_a_day = 86400
-- A call takes a few thousand arguments at most.
local function in_parts(command, key, values)
	for i = 1, #values, 1000 do
		redis.call(command, key, unpack(values, i, math.min(i + 999, #values)))
	end
end

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2]) -- microseconds, on the clock of Redis: the nodes' clocks differ
local function whole(number) return string.format('%.0f', number) end

-- Names what this server is since it was started or promoted: what it holds may have been brought from before that, and be
-- older than what was told since. Where that may not be asked it has no name.
local own_name
local function incarnation()
	if not own_name then
		local info = redis.pcall('INFO', 'replication')
		own_name = type(info) == 'string' and string.match(info, 'master_replid:(%w+)') or ''
	end
	return own_name
end

-- KEYS[first]     pending: the steps that nobody has leased, the oldest first
-- KEYS[first + 1] leases: sorted set, id of a claim → microseconds at which it runs out
-- KEYS[first + 2] life: a name that is lost with all the rest. What is answered as the life has the incarnation with it
-- KEYS[first + 3] what the key of a claim's list begins with
-- KEYS[first + 4] what the key of the list of all that waits of one person begins with
local function queue_at(first)
	local pending, leases, life = KEYS[first], KEYS[first + 1], KEYS[first + 2]
	local claimed, of = KEYS[first + 3], KEYS[first + 4]
	local queue = {}

	local function key_of(step)
		local user = string.match(step, '"userId":"([^"]*)"')
		return user and of .. user
	end

	function queue.life()
		local name = redis.call('GET', life)
		if not name then
			name = whole(now)
			redis.call('SET', life, name)
		end
		return name .. ' ' .. incarnation()
	end

	function queue.full(more, most)
		return redis.call('LLEN', pending) + more > most
	end

	function queue.push(steps)
		in_parts('RPUSH', pending, steps)
		for _, step in ipairs(steps) do
			local key = key_of(step)
			if key then
				redis.call('RPUSH', key, step)
				redis.call('EXPIRE', key, seconds_of_a_day)
			end
		end
	end

	-- What ran out goes back to the front, the oldest claim foremost and each in its order.
	local function take_back()
		local late = redis.call('ZRANGEBYSCORE', leases, '-inf', whole(now))
		for i = #late, 1, -1 do
			while redis.call('RPOPLPUSH', claimed .. late[i], pending) do end
			redis.call('ZREM', leases, late[i])
		end
	end

	function queue.claim(id, limit, lease)
		take_back()
		local steps = limit > 0 and redis.call('LRANGE', pending, 0, limit - 1) or {}
		if #steps > 0 then
			in_parts('RPUSH', claimed .. id, steps)
			redis.call('ZADD', leases, whole(now + lease), id)
			redis.call('LTRIM', pending, #steps, -1)
		end
		return steps
	end

	function queue.settle(id, again)
		if redis.call('ZREM', leases, id) == 0 then return end
		for _, step in ipairs(redis.call('LRANGE', claimed .. id, 0, -1)) do
			local key = key_of(step)
			if key then redis.call('LREM', key, 1, step) end
		end
		redis.call('DEL', claimed .. id)
		queue.push(again)
	end

	function queue.steps_of(user) return redis.call('LRANGE', of .. user, 0, -1) end

	function queue.length()
		local n = redis.call('LLEN', pending)
		for _, id in ipairs(redis.call('ZRANGE', leases, 0, -1)) do
			n = n + redis.call('LLEN', claimed .. id)
		end
		return n
	end

	return queue
end
