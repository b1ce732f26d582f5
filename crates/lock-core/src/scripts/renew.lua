-- Sets the time left of locks that are still their holder's, or looks at it. It only updates: it never brings a lock back.
-- KEYS  `stride` per lock: the lock key; with stride 2 also its hold record.
-- ARGV  1 stride, then per lock: owner, time left in ms from now (with '+' in front: at least this long, so '+0' only looks); with stride 2
--       also the hold's token, which tells holds of one owner apart. '=<attempt>' in place of the time: this attempt, which joined the hold,
--       will not be rolled back.
-- Reply {1, answer, ...}: per lock 0 if it was not the holder's; else 1 or, if '+' asked for it, the time left in ms (-1: it has no end).
local DAY = 86400000

--@ moved

-- A roll-back of an attempt restores the end that the lock would have without it. Moves each of these ends to at least now + `least` ms.
-- Returns the attempts, for a record whose time left does not change, and the time that the lock has left after any one roll-back.
local function keep_ends(attempts, least, left, lives)
  local sure = left
  local kept = string.gsub(attempts, '@(%-?%d+)', function(before)
    local ends = math.max(lives - before, least)
    if sure < 0 or ends < sure then sure = math.max(ends, 1) end
    return string.format('@%.0f', lives - ends)
  end)
  return kept, sure
end

local stride, reply, arg = tonumber(ARGV[1]), {1}, 2
for i = 1, #KEYS, stride do
  local answer = 0
  if redis.pcall('GET', KEYS[i]) == ARGV[arg] then
    local ms, attempts, token = ARGV[arg + 1], nil, nil
    if stride == 2 then attempts, token = string.match(redis.call('GET', KEYS[i + 1]) or '', '^([^:]*):(%d+):') end
    if stride == 2 and token ~= ARGV[arg + 2] then
      answer = 0
    elseif string.byte(ms) == 61 then
      local attempt = string.sub(ms, 2)
      local record = string.gsub(attempts, '(' .. attempt .. ')@[^,]+', '%1')
      answer = redis.call('PTTL', KEYS[i])
      if record ~= attempts then redis.call('SET', KEYS[i + 1], record .. ':' .. token .. (answer < 0 and ':0' or ':1'), 'KEEPTTL') end
    elseif string.byte(ms) ~= 43 then
      -- A hold that other attempts share loses no time.
      if stride == 1 or not string.find(attempts, '[,+]', string.byte(attempts) == 33 and 3 or 1) then
        answer = redis.call('PEXPIRE', KEYS[i], ms)
        if stride == 2 then redis.call('PEXPIRE', KEYS[i + 1], ms) end
      end
    else
      local least, left = tonumber(ms), redis.call('PTTL', KEYS[i])
      local late = left >= 0 and left < least
      if late then
        left = least
        redis.call('PEXPIRE', KEYS[i], string.sub(ms, 2))
      end
      if stride == 2 then
        local lives = redis.call('PTTL', KEYS[i + 1])
        local kept, sure = keep_ends(attempts, least, left, lives)
        if late or kept ~= attempts or lives < (left < 0 and DAY / 2 or least) then
          local ms = left < 0 and DAY or left
          local record = moved(kept, ms - lives) .. ':' .. token .. (left < 0 and ':0' or ':1')
          redis.call('SET', KEYS[i + 1], record, 'PX', string.format('%.0f', ms))
        end
        left = sure
      end
      answer = left
    end
  end
  reply[#reply + 1] = answer
  arg = arg + stride + 1
end
return reply
