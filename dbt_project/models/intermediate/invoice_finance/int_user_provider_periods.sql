with

charges as (

    select * from {{ ref('int_provider_charges') }}

),

changes as (

    select
        company_number,
        region,
        opened_month as from_month
    from charges

    union distinct

    select
        company_number,
        region,
        closed_month as from_month
    from charges
    where closed_month is not null

),

open_charges as (

    select
        changes.company_number,
        changes.from_month,
        charges.provider,
        row_number() over (
            partition by changes.company_number, changes.from_month
            order by charges.charge_rank desc
        ) as latest_rank
    from changes
    inner join charges
        on
            changes.company_number = charges.company_number
            and changes.from_month >= charges.opened_month
            and (charges.closed_month is null or changes.from_month < charges.closed_month)

),

final as (

    select
        changes.company_number,
        changes.region,
        changes.from_month,
        lead(changes.from_month) over (
            partition by changes.company_number
            order by changes.from_month
        ) as until_month,
        open_charges.provider
    from changes
    left join open_charges
        on
            changes.company_number = open_charges.company_number
            and changes.from_month = open_charges.from_month
            and open_charges.latest_rank = 1

)

select * from final
