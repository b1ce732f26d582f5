-- One attempt gives up a lock that its hold record names it for: the lock goes on to the next, unless other attempts hold it, too. They
-- get back the end that they had. Where that end was promised, somebody may have been told of the later one since: it is not brought
-- forward further than to GRACE_MS from now, so that all who look at the lock hear of it before.
local GRACE_MS = 12000
local function give_up(lock, record_key, queue, counter, raise, attempts, token, attempt)
  local rest = change(attempts, attempt)
  local _, entry = names(attempts, attempt)
  -- Who came later has moved the end again.
  local ends = string.match(attempts, '[^,]*$') == entry and tonumber(string.match(entry, '@(%d+)$'))
  local left = ends and ends > 0 and ends - now_ms()
  if left and left < GRACE_MS and string.byte(rest) == 33 then
    local there = redis.call('PTTL', lock)
    left = math.max(left, there < 0 and GRACE_MS or math.min(there, GRACE_MS))
  end
  if rest == '' or (left and left < 1) then
    redis.call('DEL', record_key)
    return pass_on(lock, queue, counter, raise)
  end
  local function write(timed) redis.call('SET', record_key, rest .. ':' .. string.format('%.0f', token) .. ':' .. timed, 'KEEPTTL') end
  if left then
    write('1')
    redis.call('PEXPIRE', lock, left)
    redis.call('PEXPIRE', record_key, left)
  elseif ends == 0 then
    write('0')
    redis.call('PERSIST', lock)
    redis.call('PEXPIRE', record_key, 86400000)
  else
    write(redis.call('PTTL', lock) >= 0 and '1' or '0')
  end
end
