-- One attempt, which the hold record names, gives up a lock. The lock goes to the next client, unless other attempts hold it, too. They get
-- back the end that they had.
local function roll_back_one(lock, record_key, queue, counter, sync, attempts, token, attempt)
  local rest = change(attempts, attempt)
  local _, entry = names(attempts, attempt)
  -- A later attempt has set a new end.
  local before = string.match(attempts, '[^,]*$') == entry and string.match(entry, '@(.*)$')
  local left = before and before ~= 'n' and redis.call('PTTL', record_key) - before
  if rest == '' or (left and left < 1) then
    redis.call('DEL', record_key)
    return grant_next(lock, queue, counter, sync)
  end
  local function write(timed) redis.call('SET', record_key, rest .. ':' .. string.format('%.0f', token) .. ':' .. timed, 'KEEPTTL') end
  if left then
    rest = moved(rest, -before)
    write('1')
    redis.call('PEXPIRE', lock, left)
    redis.call('PEXPIRE', record_key, left)
  elseif before then
    rest = moved(rest, 86400000 - redis.call('PTTL', record_key))
    write('0')
    redis.call('PERSIST', lock)
    redis.call('PEXPIRE', record_key, 86400000)
  else
    write(redis.call('PTTL', lock) >= 0 and '1' or '0')
  end
end
