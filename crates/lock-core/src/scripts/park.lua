-- Takes every lock key, or waits at the first that another owner holds. A repetition with the same attempt goes on from where it stands.
-- KEYS  5 per lock, in the order in which keys are taken: the lock key, its slot's counter, its hold record, its queue, its "polled" mark.
-- ARGV  1 owner, 2 lease in ms ('0': none), 3 '1': sync the counters to the server's TIME (first use on this connection), 4 attempt id,
--       5 client id, 6 'try' or 'wait', 7 the lock (from 1) at which this attempt is parked ('0': none), 8 its ticket there ('': none),
--       9 '1': it is the client's oldest waiter there and may take over a grant to the client, 10 the ticket of the client's next waiter
--       there ('': none), 11 how many more waiters of the client come along (for one lock of execute, not parked yet), which wait behind this
--       one; 12 '1': the caller is promised the lock's end, 13 '1': the client gave this lock back a moment ago (both are optional).
-- Reply {1, token, ...} held, one token per lock; then, if others came along and wait, the ticket of the first of them, or -1 if this attempt
--       joined what its owner held before;
--       {0, index, ...} refused, and this attempt holds nothing: each index (from 0) names a lock of another owner, and a waiter has to poll;
--       {2, index, ticket, ms, 1 or 0} parked at that lock, whose lease ends in `ms` (-1: it has no end); 1: its holder hands over.
-- The tickets of the waiters that came along follow this token or ticket.
local PARTIAL_MS = 5000
local owner, lease, attempt, client = ARGV[1], ARGV[2], ARGV[4], ARGV[5]
local unique = string.sub(owner, 1, 8) == 'execute:'
local waits, at, next_ticket = ARGV[6] == 'wait', tonumber(ARGV[7]), ARGV[10]
local count, along = #KEYS / 5, tonumber(ARGV[11])

--@ token
--@ moved
--@ record
--@ grant_next
--@ roll_back_one
--@ turn

local function key(i, part) return KEYS[5 * i - 5 + part] end
local function counter_up(i, more) return next_token(key(i, 2), ARGV[3] == '1', more) end

local function enter_queue(i, ticket)
  redis.call('ZADD', key(i, 4), 'LT', digits(ticket), client)
  redis.call('PEXPIRE', key(i, 4), '60000')
end

local function leave_queue()
  if at == 0 then return end
  local queue = key(at, 4)
  if next_ticket ~= '' then
    redis.call('ZADD', queue, next_ticket, client)
    redis.call('PEXPIRE', queue, '60000')
  else
    -- A later waiter, whose park is not answered yet, may have entered the client again.
    local score = redis.call('ZSCORE', queue, client)
    if score and tonumber(score) <= tonumber(ARGV[8]) then redis.call('ZREM', queue, client) end
  end
  at = 0
end

-- If the attempt waits at an earlier lock now: passes on the locks from `first` on that it holds, and a grant that came with them.
local function give_back(first, mine, attempts, tokens)
  local sync, asked = ARGV[3] == '1', tonumber(ARGV[7])
  for i = first, count do
    if mine[i] == 'attempt' and unique then
      grant_next(key(i, 1), key(i, 4), key(i, 2), sync)
    elseif mine[i] == 'attempt' then
      roll_back_one(key(i, 1), key(i, 3), key(i, 4), key(i, 2), sync, attempts[i], tokens[i], attempt)
    elseif i == asked and ARGV[9] == '1' then
      local holder = redis.call('GET', key(i, 1))
      if holder and string.sub(holder, 1, 7 + #client) == 'grant:' .. client .. ':' then
        grant_next(key(i, 1), key(i, 4), key(i, 2), sync)
      end
    end
  end
end

-- Whether another owner will hand over at its release, and not only delete.
local function hands_over(i, holder)
  -- The lock is free, and left alone for others.
  if holder == '' then return true end
  if string.sub(holder, 1, 6) == 'grant:' then return true end
  if string.sub(holder, 1, 8) == 'execute:' then return string.sub(holder, 23, 23) == '8' end
  return record_of(key(i, 1), key(i, 3)) ~= nil
end

-- The state of each lock for this attempt: 'attempt' (it took the lock), 'owner' (its owner held the lock before), 'open', or nil (blocked).
local mine, tokens, attempts, blocked, blocker = {}, {}, {}, {}, nil
for i = 1, count do
  local lock, oldest = key(i, 1), at == i and ARGV[9] == '1'
  local holder = redis.call('GET', lock)
  if not holder and redis.call('EXISTS', key(i, 4)) == 1 then
    local first = redis.call('ZRANGE', key(i, 4), '0', '0')[1]
    if not (oldest and first == client) and redis.call('EXISTS', key(i, 5)) == 0 then
      grant_next(lock, key(i, 4), key(i, 2), ARGV[3] == '1', oldest and client or nil)
      holder = redis.call('GET', lock)
    end
  end
  if not holder then
    if not waits or may_take(key(i, 5), false, ARGV[13] == '1') then mine[i] = 'open' end
  elseif holder == owner then
    if not unique then attempts[i], tokens[i] = record_of(lock, key(i, 3)) end
    if unique or (attempts[i] and names(attempts[i], attempt)) then
      mine[i] = 'attempt'
    elseif owner ~= '*' then
      mine[i] = 'owner'
    end
  elseif oldest and string.sub(holder, 1, 7 + #client) == 'grant:' .. client .. ':' then
    mine[i] = 'open'
  end
  if not mine[i] then
    blocked[#blocked + 1] = i
    blocker = blocker or holder or ''
    -- A waiter waits at the first blocked lock. A try names all of them.
    if waits then
      for later = i + 1, count do
        if redis.call('GET', key(later, 1)) == owner then
          if not unique then attempts[later], tokens[later] = record_of(key(later, 1), key(later, 3)) end
          if unique or (attempts[later] and names(attempts[later], attempt)) then mine[later] = 'attempt' end
        end
      end
      break
    end
  end
end

-- Writes lock i for this attempt.
local function set(i, ms)
  local all = attempt
  if not unique then
    ms = time_left(key(i, 1), attempts[i], ms)
    -- The earlier attempts keep the lock that this owner held before, so a roll-back of this attempt does not free it.
    if mine[i] == 'attempt' then
      all = asked_again(key(i, 3), attempts[i], attempt, ms)
    elseif mine[i] == 'owner' then
      all = join(key(i, 1), key(i, 3), attempts[i], attempt, ms)
    end
    all = promise(all, ARGV[12] == '1')
  end
  local timed = ms ~= '0'
  if timed then redis.call('SET', key(i, 1), owner, 'PX', ms) else redis.call('SET', key(i, 1), owner) end
  if not unique then
    local record = all .. ':' .. string.format('%.0f', tokens[i]) .. ':' .. (timed and '1' or '0')
    redis.call('SET', key(i, 3), record, 'PX', record_ms(ms))
  end
end

if #blocked == 0 then
  -- The counters come first, because only the first write of a script can fail without a trace.
  for i = 1, count do
    -- The counter is raised even if the token is known, because the caller takes this for the counter's first use.
    local token = (not tokens[i] or ARGV[3] == '1') and counter_up(i, along)
    tokens[i] = tokens[i] or token
  end
  leave_queue()
  local reply = {1}
  for i = 1, count do
    set(i, lease)
    reply[i + 1] = tokens[i]
  end
  for i = 1, count do
    if mine[i] == 'owner' and not unique then
      reply[#reply + 1] = -1
      break
    end
  end
  if along > 0 and redis.call('EXISTS', key(1, 5)) == 0 then
    reply[3] = tokens[1] + 1
    enter_queue(1, reply[3])
  end
  return reply
end

local here = blocked[1]
if waits then
  local over = hands_over(here, blocker)
  if blocker ~= '' then mark_polled(key(here, 5), over, false) end
  if over and redis.call('EXISTS', key(here, 5)) == 0 then
    local ticket = at == here and tonumber(ARGV[8]) or counter_up(here, along)
    if at ~= here then leave_queue() end
    local partial = (lease ~= '0' and tonumber(lease) < PARTIAL_MS) and lease or tostring(PARTIAL_MS)
    for i = 1, here - 1 do
      if mine[i] == 'open' then tokens[i] = counter_up(i) end
    end
    for i = 1, here - 1 do
      if mine[i] == 'open' then
        set(i, partial)
      elseif mine[i] == 'attempt' then
        -- The lease is not shortened, because another attempt of the same owner may hold the lock, too.
        local left = redis.call('PTTL', key(i, 1))
        if left >= 0 and left < tonumber(partial) then
          redis.call('PEXPIRE', key(i, 1), partial)
          if not unique then
            local all = asked_again(key(i, 3), attempts[i], attempt, partial)
            redis.call('SET', key(i, 3), all .. ':' .. string.format('%.0f', tokens[i]) .. ':1', 'PX', partial)
          end
        end
      end
    end
    enter_queue(here, ticket)
    give_back(here + 1, mine, attempts, tokens)
    return {2, here - 1, ticket, redis.call('PTTL', key(here, 1)), 1}
  end
  if at > 0 then
    -- All callers poll for this lock, so the client leaves the queue.
    redis.call('ZREM', key(at, 4), client)
    at = 0
  end
end
give_back(1, mine, attempts, tokens)
local reply = {0}
for n = 1, #blocked do reply[n + 1] = blocked[n] - 1 end
return reply
